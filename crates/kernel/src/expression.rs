//! Kconfig expressions, evaluated against a finished `.config`.

use super::config::Config;

/// Whether an expression holds; `None` where it depends on a macro, which is not expanded here.
pub(super) fn holds(expression: &str, config: &Config) -> Option<bool> {
    let tokens = tokens(expression);
    let mut parser = Parser {
        tokens: &tokens,
        config,
    };
    let value = parser.any();
    if parser.tokens.is_empty() {
        value
    } else {
        None
    }
}

/// The parts of an expression that all must hold: `A && (B || C)` is `A` and `(B || C)`.
pub(super) fn conjuncts(expression: &str) -> Vec<String> {
    let mut parts = vec![Vec::new()];
    let mut depth = 0usize;
    let tokens = tokens(expression);
    for token in &tokens {
        match *token {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            "||" if depth == 0 => return vec![tokens.join(" ")],
            "&&" if depth == 0 => {
                parts.push(Vec::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = parts.last_mut() {
            last.push(*token);
        }
    }
    let text = |part: Vec<&str>| {
        part.join(" ")
            .replace("( ", "(")
            .replace(" )", ")")
            .replace("! ", "!")
    };
    parts.into_iter().map(text).collect()
}

/// The options that an expression names, in order, each once.
pub(super) fn symbols(expression: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for token in tokens(expression) {
        let number = token.starts_with("0x") || token.parse::<u64>().is_ok();
        let constant = number || matches!(token, "y" | "m" | "n");
        if token.chars().all(is_name) && !constant && !names.contains(&token) {
            names.push(token);
        }
    }
    names
}

fn is_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// Splits into names, quoted strings, macros and operators. A character that belongs nowhere is its own token.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            c if is_name(c) => rest.find(|c| !is_name(c)).unwrap_or(rest.len()),
            '"' | '\'' => rest[1..].find(first).map_or(rest.len(), |end| end + 2),
            '$' => macro_length(rest),
            _ => ["&&", "||", "!=", "<=", ">="]
                .iter()
                .find(|o| rest.starts_with(**o))
                .map_or(first.len_utf8(), |o| o.len()),
        };
        tokens.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    tokens
}

/// `$(cc-option,-mfoo(bar))` to its matching parenthesis.
fn macro_length(text: &str) -> usize {
    let mut depth = 0usize;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + character.len_utf8();
        }
    }
    text.len()
}

/// Recursive descent over three-valued logic: yes, no, and not known.
struct Parser<'a> {
    tokens: &'a [&'a str],
    config: &'a Config,
}

impl<'a> Parser<'a> {
    fn next_is(&mut self, token: &str) -> bool {
        let found = self.tokens.first() == Some(&token);
        if found {
            self.tokens = &self.tokens[1..];
        }
        found
    }

    fn any(&mut self) -> Option<bool> {
        let mut value = self.all();
        while self.next_is("||") {
            let right = self.all();
            value = match (value, right) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            };
        }
        value
    }

    fn all(&mut self) -> Option<bool> {
        let mut value = self.term();
        while self.next_is("&&") {
            let right = self.term();
            value = match (value, right) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            };
        }
        value
    }

    fn term(&mut self) -> Option<bool> {
        let mut negations = 0;
        while self.next_is("!") {
            negations += 1;
        }
        let value = if self.next_is("(") {
            let value = self.any();
            self.next_is(")");
            value
        } else {
            self.comparison()
        };
        value.map(|v| v != (negations % 2 == 1))
    }

    fn comparison(&mut self) -> Option<bool> {
        let left = self.operand()?;
        let operator = match self.tokens.first() {
            Some(&operator @ ("=" | "!=" | "<" | "<=" | ">" | ">=")) => operator,
            _ => return Some(matches!(left.as_str(), "y" | "m")),
        };
        self.tokens = &self.tokens[1..];
        let right = self.operand()?;
        let number = |text: &str| match text.strip_prefix("0x") {
            Some(digits) => i128::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        };
        let order = match (number(&left), number(&right)) {
            (Some(left), Some(right)) => left.cmp(&right),
            _ => left.cmp(&right),
        };
        Some(match operator {
            "=" => order.is_eq(),
            "!=" => order.is_ne(),
            "<" => order.is_lt(),
            "<=" => order.is_le(),
            ">" => order.is_gt(),
            _ => order.is_ge(),
        })
    }

    /// A constant's or an option's value; `None` for a macro and for an operator.
    fn operand(&mut self) -> Option<String> {
        let (first, rest) = self.tokens.split_first()?;
        if matches!(*first, ")" | "&&" | "||") {
            return None; // left for the caller, so that parsing goes on behind it
        }
        self.tokens = rest;
        match *first {
            "y" | "m" | "n" => Some((*first).to_owned()),
            name if name.chars().all(is_name) => {
                let value = self.config.value(name).map(|v| v.trim_matches('"'));
                // A name that is no option is a constant, such as the number of a comparison.
                let number = name.starts_with(|c: char| c.is_ascii_digit());
                Some(value.unwrap_or(if number { name } else { "n" }).to_owned())
            }
            quoted if quoted.starts_with(['"', '\'']) && !quoted.contains("$(") => {
                Some(quoted.trim_matches(['"', '\'']).to_owned())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
