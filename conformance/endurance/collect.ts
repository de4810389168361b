// Preloaded into an array under test that was started with --expose-gc: SIGUSR2 makes it collect what nobody holds, so that
// what its memory shows is held.

const { gc } = globalThis as { readonly gc?: () => void }

process.on('SIGUSR2', () => {
  gc?.()
  gc?.()
})
