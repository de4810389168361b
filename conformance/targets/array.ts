// The array under test, whoever serves it: Lunette, or tgt for comparison. Addressed on 127.0.0.1, and on ::1 where a suite asks for it.

/** A LUN in the keys of Lunette's configuration (product.md); an adapter translates what its target can express. */
export interface LunSpec {
  readonly id: number
  readonly size: `${number}MiB`
  readonly provisioning: 'thin' | 'thick'
  readonly blockSize?: 512 | 4096
  readonly physicalBlockSize?: 512 | 4096
  readonly readOnly?: boolean
  readonly removable?: boolean
  readonly dpoFua?: boolean
  readonly sanitizeSeconds?: number
  readonly identity?: { readonly naa: string }
  readonly pool?: string
  /** Names of the initiators that see it; all of them without any. */
  readonly initiators?: readonly string[]
  readonly scsiVersion?: 5 | 6
  readonly vaai?: Readonly<Record<string, boolean>>
  readonly limits?: Readonly<Record<string, number | boolean | string>>
}

export interface Account {
  readonly user: string
  readonly secret: string
}

interface Auth {
  readonly chap: Account
  readonly mutual?: Account
}

interface TargetSpec {
  readonly iqn: string
  readonly auth?: Auth
  readonly luns: readonly LunSpec[]
}

interface PoolSpec {
  readonly name: string
  readonly capacity: `${number}MiB`
}

export interface ArraySpec {
  readonly targets: readonly TargetSpec[]
  readonly pools?: readonly PoolSpec[]
  /** 2 where a LUN is reached by two paths. */
  readonly portals?: 1 | 2
  /** One more portal, on ::1. */
  readonly ipv6?: true
  readonly discoveryAuth?: Auth
  readonly limits?: Readonly<Record<string, number>>
  /** Of the process that serves it. */
  readonly nodeOptions?: string
}

export interface RunningArray {
  /** host:port of each portal. */
  readonly portals: readonly string[]
  /** The LUN number under which the target presents LUN `id`. */
  lun(id: number): number
  /** libiscsi's form of a LUN's address, by way of the given portal. */
  url(iqn: string, id: number, portal?: number): string
  /** Undefined while it serves; why not, once it has ended by itself. */
  ended(): string | undefined
  /** All that it has logged. */
  logged(): string
  /** Gives the running array another specification, with the same portals. */
  change(spec: ArraySpec): Promise<void>
  /** Ends the array with the signal and starts it again on the same ports and images. */
  restart(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>
  /** Ends the array. Returns what is wrong with how it ended and with its log; empty when nothing is. */
  stop(): Promise<readonly string[]>
}

/** Starts an array whose images and logs live in `directory`. */
export type StartArray = (spec: ArraySpec, directory: string) => Promise<RunningArray>
