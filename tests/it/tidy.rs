//! The house rules, held by a machine. Each failure says how to put it right.
//!
//! A rule is a function over a file's path and text. Its test plants violations first, then asks it about every file
//! of the repository: a rule that finds nothing because it looks at nothing fails, too. What the rules are for is
//! explained in ARCHITECTURE.md; a deliberate exception stands in a table beside the rule, with its reason.

mod arrows;
mod dependencies;
mod manual;
mod places;
mod promises;
mod reading;
mod source;
mod templates;

use source::product_code;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

/// What a rule says about a file: `None` if it is not about that file, else the broken lines, each with advice.
type Verdict = Option<Vec<(usize, String)>>;
type Rule = fn(path: &str, text: &str) -> Verdict;

/// Every planted file must be found broken, every file of the repository sound.
fn hold(rule: Rule, planted: &[(&str, &str)]) {
    for (path, text) in planted {
        let found = rule(path, text).unwrap_or_default();
        assert!(!found.is_empty(), "the rule does not see what is wrong with {path}:\n{text}");
    }
    let mut judged = 0;
    let mut broken = Vec::new();
    for (path, text) in REPOSITORY.iter() {
        let Some(found) = rule(path, text) else { continue };
        judged += 1;
        broken.extend(found.into_iter().map(|(line, advice)| format!("{path}:{line}: {advice}")));
    }
    assert!(judged > 0, "the rule looked at no file at all");
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

/// What a rule must not complain about.
fn allow(rule: Rule, sound: &[(&str, &str)]) {
    for (path, text) in sound {
        assert_eq!(rule(path, text).unwrap_or_default(), [], "{path}:\n{text}");
    }
}

/// Path from the root, and text.
static REPOSITORY: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
    let mut files = Vec::new();
    collect(Path::new(env!("CARGO_MANIFEST_DIR")), "", &mut files);
    assert!(files.len() > 300, "only {} files were found", files.len());
    files
});

/// What git would not keep is not ours to judge; what is no text has no lines.
fn collect(folder: &Path, prefix: &str, files: &mut Vec<(String, String)>) {
    const NOT_OURS: [&str; 5] = [".git", ".env", "target", "pagerpal-data", "proptest-regressions"];
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("a readable folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    for name in names.iter().filter(|name| !NOT_OURS.contains(&name.as_str())) {
        let (path, shown) = (folder.join(name), format!("{prefix}{name}"));
        if path.is_dir() {
            collect(&path, &format!("{shown}/"), files);
        } else if let Ok(text) = fs::read_to_string(&path) {
            files.push((shown, text));
        }
    }
}

/// The code that runs in the product, or `None`: another kind of file, or one that holds tests alone.
fn product(path: &str, text: &str) -> Option<String> {
    let is_product = path.starts_with("src/") && path.ends_with(".rs") && !TEST_MODULES.contains(path);
    is_product.then(|| product_code(text))
}

/// The files that a `#[cfg(test)] mod name;` brings in.
static TEST_MODULES: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let mut found = BTreeSet::new();
    for (path, text) in REPOSITORY.iter().filter(|(path, _)| path.starts_with("src/") && path.ends_with(".rs")) {
        let (folder, name) = path.rsplit_once('/').expect("it is below src/");
        let children = match name {
            "mod.rs" | "lib.rs" => folder.to_owned(),
            _ => path.trim_end_matches(".rs").to_owned(),
        };
        for item in text.split("#[cfg(test)]\n").skip(1) {
            let mut lines = item.lines().map(str::trim);
            let first = lines.next().unwrap_or("");
            if let Some(elsewhere) = first.strip_prefix("#[path = \"").and_then(|rest| rest.strip_suffix("\"]")) {
                found.insert(format!("{folder}/{elsewhere}"));
            } else if let Some((_, name)) = first.strip_suffix(';').and_then(|rest| rest.split_once("mod ")) {
                found.insert(format!("{children}/{name}.rs"));
            }
        }
    }
    assert!(found.contains("src/store/testing.rs") && found.len() > 5, "{found:?}");
    found
});

/// The folder, or the single file, of `src/` that a path belongs to.
fn part_of(path: &str) -> &str {
    let inside = path.strip_prefix("src/").unwrap_or(path);
    inside.split('/').next().map_or(inside, |part| part.strip_suffix(".rs").unwrap_or(part))
}
