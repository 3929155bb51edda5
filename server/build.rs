//! Builds again when a migration is added: the macro that embeds them cannot tell cargo.

fn main() {
    let lines = ["cargo::rerun-if-changed=../migrations"];
    for line in lines {
        #[expect(
            clippy::print_stdout,
            reason = "this is how build scripts talk to cargo"
        )]
        {
            println!("{line}");
        }
    }
}
