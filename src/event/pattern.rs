//! Which topics a subscriber wants.
//!
//! A pattern is segments joined by dots, as a topic is:
//!
//! | segment | matches |
//! |---|---|
//! | lower-case letters, digits and `_` | the same segment |
//! | `*` | any one segment |
//! | `**`, as the last one only | all further segments, or none |
//!
//! So `store.*` matches `store.created` but not `store.version.saved`, `store.**` matches both and `store` too, and `**` matches all.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::topic::Topic;

/// A set of topics, parsed once. The text forms (`Display`, `FromStr`, JSON) are as in `store.version.*`.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern {
    segments: Vec<Segment>,
    end: End,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Segment {
    Any,
    Literal(String),
}

/// What may follow the segments.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum End {
    Nothing,
    Anything,
}

/// Why a text is not a [`Pattern`].
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// The text is empty.
    #[error("a topic pattern cannot be empty; ** matches all topics")]
    Empty,
    /// Two dots side by side, or one at an end.
    #[error("topic pattern {pattern:?} has an empty segment; write a name, * or ** between dots")]
    EmptySegment {
        /// The text.
        pattern: String,
    },
    /// `**` before other segments.
    #[error("topic pattern {pattern:?} goes on after **, which can only be its last segment; * matches one segment")]
    RestNotLast {
        /// The text.
        pattern: String,
    },
    /// A star beside other characters.
    #[error("topic pattern {pattern:?} has the segment {segment:?}; a star stands for whole segments only: *, or ** at the end")]
    PartialStar {
        /// The text.
        pattern: String,
        /// The segment with the star.
        segment: String,
    },
    /// A character that no topic has.
    #[error("topic pattern {pattern:?} has the character {character:?}; topics have lower-case letters, digits, _ and dots")]
    Character {
        /// The text.
        pattern: String,
        /// The first such character.
        character: char,
    },
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When the text is none; the message says why.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        let (before, end) = match text.strip_suffix("**") {
            Some("") => return Ok(Self { segments: Vec::new(), end: End::Anything }),
            Some(before) if before.ends_with('.') => (before.strip_suffix('.').unwrap_or(before), End::Anything),
            _ => (text, End::Nothing),
        };
        let segments = before.split('.').map(|segment| Segment::parse(text, segment)).collect::<Result<_, _>>()?;
        Ok(Self { segments, end })
    }

    /// Whether it matches a topic, given by name so that names from elsewhere can be asked about too.
    #[must_use]
    pub fn matches(&self, topic: &str) -> bool {
        let mut rest = topic.split('.');
        let fits = self.segments.iter().all(|segment| rest.next().is_some_and(|text| segment.matches(text)));
        fits && (self.end == End::Anything || rest.next().is_none())
    }

    /// The topics that it matches. There are none when a name in the pattern is misspelt, which is no error since later versions may
    /// have further topics.
    pub fn topics(&self) -> impl Iterator<Item = Topic> {
        Topic::ALL.iter().copied().filter(|topic| self.matches(topic.as_str()))
    }
}

impl Segment {
    fn parse(pattern: &str, segment: &str) -> Result<Self, PatternError> {
        let illegal = |c: &char| !matches!(c, 'a'..='z' | '0'..='9' | '_' | '*');
        match segment {
            "" => Err(PatternError::EmptySegment { pattern: pattern.to_owned() }),
            "*" => Ok(Self::Any),
            "**" => Err(PatternError::RestNotLast { pattern: pattern.to_owned() }),
            _ => match segment.chars().find(illegal) {
                Some(character) => Err(PatternError::Character { pattern: pattern.to_owned(), character }),
                None if segment.contains('*') => {
                    Err(PatternError::PartialStar { pattern: pattern.to_owned(), segment: segment.to_owned() })
                }
                None => Ok(Self::Literal(segment.to_owned())),
            },
        }
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Literal(literal) => literal == text,
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Any => "*",
            Self::Literal(literal) => literal,
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = (self.end == End::Anything).then_some("**");
        let segments: Vec<&str> = self.segments.iter().map(Segment::text).chain(rest).collect();
        f.pad(&segments.join("."))
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Pattern {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, PatternError> {
        Self::parse(&text)
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a pattern is, said without a parser.
    fn is_pattern(text: &str) -> bool {
        let segments: Vec<&str> = text.split('.').collect();
        let word = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        let (last, before) = segments.split_last().unwrap();
        before.iter().all(|segment| *segment == "*" || word(segment)) && (["*", "**"].contains(last) || word(last))
    }

    /// What it matches, with `**` tried at every length.
    fn naive_match(pattern: &[&str], topic: &[&str]) -> bool {
        match (pattern, topic) {
            ([], []) => true,
            (["**", pattern_rest @ ..], _) => {
                naive_match(pattern_rest, topic) || topic.split_first().is_some_and(|(_, rest)| naive_match(pattern, rest))
            }
            ([segment, pattern_rest @ ..], [first, rest @ ..]) => (*segment == "*" || segment == first) && naive_match(pattern_rest, rest),
            _ => false,
        }
    }

    #[test]
    fn messages_say_what_is_wrong() {
        for (text, message) in [
            ("", "a topic pattern cannot be empty; ** matches all topics"),
            ("store..saved", r#"topic pattern "store..saved" has an empty segment; write a name, * or ** between dots"#),
            (".", r#"topic pattern "." has an empty segment; write a name, * or ** between dots"#),
            (".**", r#"topic pattern ".**" has an empty segment; write a name, * or ** between dots"#),
            ("**.saved", r#"topic pattern "**.saved" goes on after **, which can only be its last segment; * matches one segment"#),
            ("**.**", r#"topic pattern "**.**" goes on after **, which can only be its last segment; * matches one segment"#),
            (
                "store.ver*",
                r#"topic pattern "store.ver*" has the segment "ver*"; a star stands for whole segments only: *, or ** at the end"#,
            ),
            ("store.***", r#"topic pattern "store.***" has the segment "***"; a star stands for whole segments only: *, or ** at the end"#),
            ("store.Saved", r#"topic pattern "store.Saved" has the character 'S'; topics have lower-case letters, digits, _ and dots"#),
            ("store saved", r#"topic pattern "store saved" has the character ' '; topics have lower-case letters, digits, _ and dots"#),
        ] {
            assert_eq!(Pattern::parse(text).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn a_pattern_gives_its_topics() {
        let topics = |text: &str| Pattern::parse(text).unwrap().topics().map(Topic::as_str).collect::<Vec<_>>();
        assert_eq!(topics("store.*"), ["store.created", "store.deleted", "store.renamed", "store.closed"]);
        assert_eq!(topics("*.version.loaded"), ["store.version.loaded", "multistore.version.loaded"]);
        assert_eq!(topics("store.transaction.commit.**"), ["store.transaction.commit"]);
        assert_eq!(topics("**"), Topic::ALL.iter().map(|topic| topic.as_str()).collect::<Vec<_>>());
        assert!(topics("store.crated").is_empty());
    }

    #[test]
    fn json_is_the_text() {
        let pattern: Pattern = serde_json::from_str("\"store.**\"").unwrap();
        assert_eq!(serde_json::to_string(&pattern).unwrap(), "\"store.**\"");
        let error = serde_json::from_str::<Pattern>("\"a..b\"").unwrap_err();
        assert!(error.to_string().contains("empty segment"), "{error}");
    }

    proptest! {
        #[test]
        fn what_is_parsed_is_a_pattern_and_reads_the_same(text in "([a_0.*]|\\*\\*|\\.|[ Aé]){0,7}") {
            let parsed = Pattern::parse(&text);
            prop_assert_eq!(parsed.is_ok(), is_pattern(&text));
            if let Ok(pattern) = parsed {
                prop_assert_eq!(pattern.to_string(), text);
            }
        }

        #[test]
        fn matching_agrees_with_trying_everything(
            pattern in "(([ab]|\\*)(\\.([ab]|\\*)){0,3}(\\.\\*\\*)?)|\\*\\*",
            topic in "[ab](\\.[ab]){0,4}",
        ) {
            let expected = naive_match(&pattern.split('.').collect::<Vec<_>>(), &topic.split('.').collect::<Vec<_>>());
            prop_assert_eq!(Pattern::parse(&pattern).unwrap().matches(&topic), expected);
        }
    }
}
