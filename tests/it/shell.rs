//! What only a shell sees: completions that complete, and manual pages that man can draw.

use harness::programs::{program, release_binary, repository};
use std::fs;
use std::process::Command;

/// The words that bash offers after what was typed.
fn offered(script: &str, typed: &[&str]) -> Vec<String> {
    let words: Vec<String> = typed.iter().map(|word| format!("'{word}'")).collect();
    let ask = format!(
        "{script}\nCOMP_WORDS=({})\nCOMP_CWORD={}\n_pagerpal pagerpal '{}' '{}'\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words.join(" "),
        typed.len() - 1,
        typed[typed.len() - 1],
        typed[typed.len() - 2],
    );
    let output = Command::new(program("bash")).args(["--norc", "-c", &ask]).output().expect("bash starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn completions_offer_commands_options_and_values() {
    let printed = |shell: &str| {
        let output = Command::new(release_binary("pagerpal")).args(["completions", shell]).output().expect("it starts");
        assert!(output.status.success(), "{shell}");
        String::from_utf8(output.stdout).expect("a script is text")
    };
    let bash = printed("bash");
    assert_eq!(offered(&bash, &["pagerpal", "back"]), ["backup"]);
    assert_eq!(offered(&bash, &["pagerpal", "backup", "--ver"]), ["--verify", "--verbose"]);
    assert_eq!(offered(&bash, &["pagerpal", "migrate", "st"]), ["status"]);
    assert!(printed("zsh").starts_with("#compdef pagerpal"));
    assert!(printed("fish").contains("complete -c pagerpal"));
}

/// `man` says on standard error what it cannot draw.
#[test]
fn man_draws_every_page_without_complaint() {
    let mut drawn = 0;
    for entry in fs::read_dir(repository().join("packaging/man")).expect("the folder") {
        let page = entry.expect("an entry").path();
        let output = Command::new(program("groff")).args(["-man", "-Tutf8", "-ww"]).arg(&page).output().expect("groff");
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && complaints.is_empty(), "{}: {complaints}", page.display());
        let text = String::from_utf8_lossy(&output.stdout).to_lowercase();
        assert!(text.contains("name") && text.contains("pagerpal"), "{text}");
        drawn += 1;
    }
    assert!(drawn > 10, "{drawn} pages");
}
