// What the target needs of a logger: pino's, or one of it that carries the I_T nexus and is bounded (bounded-log.ts).

export interface Log {
  debug(bindings: object, message: string): void
  info(bindings: object, message: string): void
  warn(bindings: object, message: string): void
  error(bindings: object, message: string): void
  isLevelEnabled(level: string): boolean
}
