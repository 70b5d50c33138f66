/** The package's version, as telemetry's scope carries it; a test holds it to package.json. */
export const VERSION = '0.1.0'
