//! The kernel's command line.

/// Words of a command line; quotes keep blanks, as the kernel reads them.
#[derive(Clone, Debug)]
pub(crate) struct Cmdline(Vec<String>);

impl Cmdline {
    pub(crate) fn parse(text: &str) -> Self {
        let mut words = Vec::new();
        let mut word = String::new();
        let mut quoted = false;
        for letter in text.chars() {
            match letter {
                '"' => quoted = !quoted,
                letter if letter.is_whitespace() && !quoted => {
                    words.push(std::mem::take(&mut word));
                }
                letter => word.push(letter),
            }
        }
        words.push(word);
        words.retain(|word| !word.is_empty());
        Self(words)
    }

    /// The values of `NAME=VALUE` words, in order.
    pub(crate) fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter_map(move |word| word.strip_prefix(name)?.strip_prefix('='))
    }

    /// Whether a word is there: alone, or as the name of a value.
    pub(crate) fn says(&self, word: &str) -> bool {
        self.0.iter().any(|one| one == word) || self.value(word).is_some()
    }

    /// The value that counts: the last.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.values(name).last()
    }
}
