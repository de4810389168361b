// The public part of the SCSI wire formats, for target and host alike.

export * from './commands/cdb.ts'
export * from './commands/index.ts'
export * from './sense.ts'
export * from './sense-data.ts'
export * from './status.ts'
