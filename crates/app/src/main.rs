use std::process::ExitCode;

use innkeeper::{cli, logging};

/// A page waits for the disk or hashes a password now and then; on a small machine the others should not wait with it.
const LEAST_WORKERS: usize = 4;

fn main() -> ExitCode {
    let cli = match cli::parse() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    logging::start(cli.common.log);
    let workers = std::thread::available_parallelism().map_or(LEAST_WORKERS, |cores| cores.get().max(LEAST_WORKERS));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(cli::run(cli)),
        Err(error) => {
            eprintln!("innkeeper: the system gives no threads: {error}");
            ExitCode::FAILURE
        }
    }
}
