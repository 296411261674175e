/**
 * Loaded into every test file before all else (`--require` goes before any `--import`). tap would
 * have each process that a test starts load a tracer, which keeps a record of files and hooks
 * signals. The daemons under test must run as they are, so the tracer is told to keep out.
 */
process.env.__TAPJS_PROCESSINFO_TESTING_NO_REGISTER__ = String(process.pid)
delete process.env.NODE_OPTIONS
