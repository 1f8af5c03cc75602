//! The program: see [`letsbridge::cli`].

fn main() -> std::process::ExitCode {
    letsbridge::cli::main()
}
