//! Writes the seeds of every target, or of those named, to where libFuzzer looks for them.

use fuzz::{TARGETS, root};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let wanted: Vec<String> = env::args().skip(1).collect();
    for target in TARGETS.iter().filter(|target| wanted.is_empty() || wanted.iter().any(|name| name == target.name)) {
        let folder = root().join("tools/fuzz/libfuzzer/corpus").join(target.name);
        fs::create_dir_all(&folder)?;
        for (number, seed) in (target.seeds)().iter().enumerate() {
            fs::write(folder.join(format!("seed-{number:03}")), seed)?;
        }
        fs::write(folder.with_extension("words"), words(target.words))?;
    }
    Ok(())
}

/// As libFuzzer reads them: one a line, in quotes, bytes that are not plain in hexadecimal.
fn words(words: &[&str]) -> String {
    let byte = |byte: u8| match byte {
        b'"' | b'\\' => format!("\\{}", char::from(byte)),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\x{byte:02x}"),
    };
    words.iter().map(|word| format!("\"{}\"\n", word.bytes().map(byte).collect::<String>())).collect()
}
