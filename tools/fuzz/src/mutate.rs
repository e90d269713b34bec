//! Mutations without coverage: what a stable compiler can do with every test run.
//!
//! The same seed gives the same inputs. An input begins as a seed, is changed in a few places, and may be joined with
//! another one; that finds what lies near real bodies. What lies further away is libFuzzer's.

use pagerpal::domain::given::Jitter;

/// Longer inputs are cut: what matters fits, and a run stays short.
const LONGEST: usize = 16 * 1024;

pub struct Mutator<'a> {
    random: Jitter,
    seeds: &'a [Vec<u8>],
    words: &'a [&'a str],
}

impl<'a> Mutator<'a> {
    /// `seeds` must not be empty.
    pub fn new(seed: u64, seeds: &'a [Vec<u8>], words: &'a [&'a str]) -> Mutator<'a> {
        assert!(!seeds.is_empty(), "nothing to begin with");
        Mutator { random: Jitter::seeded(seed), seeds, words }
    }

    pub fn input(&mut self) -> Vec<u8> {
        let mut input = self.seed().to_vec();
        for _ in 0..=self.random.below(5) {
            self.change(&mut input);
        }
        input.truncate(LONGEST);
        input
    }

    fn seed(&mut self) -> &'a [u8] {
        &self.seeds[self.below(self.seeds.len())]
    }

    fn below(&mut self, n: usize) -> usize {
        self.random.below(n as u64) as usize
    }

    /// A stretch of `len` bytes: mostly short, sometimes all of it.
    fn stretch(&mut self, len: usize) -> std::ops::Range<usize> {
        let start = self.below(len + 1);
        let most = if self.below(8) == 0 { len } else { 16 };
        start..start + self.below((len - start).min(most) + 1)
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len() + 1);
        match self.below(10) {
            0 if at < input.len() => input[at] ^= 1 << self.below(8),
            1 if at < input.len() => input[at] = self.random.number() as u8,
            2 => drop(input.drain(self.stretch(input.len()))),
            3 => {
                let again = input[self.stretch(input.len())].to_vec();
                input.splice(at..at, again);
            }
            4 => {
                let other = self.seed();
                let piece = &other[self.stretch(other.len())];
                input.splice(at..at, piece.iter().copied());
            }
            5 | 6 if !self.words.is_empty() => {
                let word = self.words[self.below(self.words.len())];
                let over = if self.below(2) == 0 { at } else { (at + word.len()).min(input.len()) };
                input.splice(at..over, word.bytes());
            }
            7 => self.number(input),
            8 => {
                const ODD: [&str; 8] = ["\0", "\u{202e}", "\u{e9}", "\u{1f600}", "\r\n", "\"", "\\", "\u{130}"];
                let odd = ODD[self.below(ODD.len())];
                input.splice(at..at, odd.bytes());
            }
            _ => input.truncate(at.max(1)),
        }
    }

    /// Another number in place of one that is written in digits.
    fn number(&mut self, input: &mut Vec<u8>) {
        let digits: Vec<usize> = (0..input.len()).filter(|at| input[*at].is_ascii_digit()).collect();
        let Some(start) = digits.get(self.below(digits.len().max(1))).copied() else { return };
        let end = (start..input.len()).find(|at| !input[*at].is_ascii_digit()).unwrap_or(input.len());
        const NUMBERS: [&str; 9] = ["0", "1", "-1", "32", "366", "65536", "2147483648", "9223372036854775807", "1e308"];
        let number = NUMBERS[self.below(NUMBERS.len())];
        input.splice(start..end, number.bytes());
    }
}
