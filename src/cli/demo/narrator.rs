//! Tells the story on standard output: numbered steps with indented lines, in colour on a terminal only.

use std::env;
use std::io::{IsTerminal, stdout};

use crate::cli::error::CliError;
use crate::cli::output::{Form, Output};

/// How a piece of text stands out on a terminal.
#[derive(Clone, Copy)]
enum Emphasis {
    Bold,
    Green,
    Faint,
}

/// Prints the story, unless the output is JSON.
pub(super) struct Narrator<'a> {
    output: &'a mut Output,
    colours: bool,
    steps: u32,
}

impl<'a> Narrator<'a> {
    pub(super) fn new(output: &'a mut Output) -> Self {
        // https://no-color.org: any value that is not empty asks for no colour.
        let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = env::var_os("TERM").is_none_or(|terminal| terminal == "dumb");
        Self { output, colours: stdout().is_terminal() && !refused && !dumb, steps: 0 }
    }

    pub(super) fn title(&mut self, text: &str) -> Result<(), CliError> {
        let title = self.emphasised(Emphasis::Bold, text);
        self.line(&title)
    }

    /// Begins the next step.
    pub(super) fn step(&mut self, text: &str) -> Result<(), CliError> {
        self.steps += 1;
        let heading = self.emphasised(Emphasis::Bold, &format!("{:>2}  {text}", self.steps));
        self.line("")?;
        self.line(&heading)
    }

    /// A line of a step.
    pub(super) fn say(&mut self, text: &str) -> Result<(), CliError> {
        self.line(&format!("    {text}"))
    }

    /// A line that says what was checked and found right.
    pub(super) fn holds(&mut self, text: &str) -> Result<(), CliError> {
        let text = self.emphasised(Emphasis::Green, text);
        self.say(&text)
    }

    /// A line that explains.
    pub(super) fn aside(&mut self, text: &str) -> Result<(), CliError> {
        let text = self.emphasised(Emphasis::Faint, text);
        self.say(&text)
    }

    /// The record of the whole, which JSON shows instead of the story.
    pub(super) fn finish(self, record: &impl serde::Serialize) -> Result<(), CliError> {
        match self.output.form() {
            Form::Json => self.output.json(record),
            Form::Text => Ok(()),
        }
    }

    /// Shown at once: a story is read while it happens.
    pub(super) fn line(&mut self, text: &str) -> Result<(), CliError> {
        if self.output.form() == Form::Json {
            return Ok(());
        }
        self.output.text(text)?;
        self.output.text("\n")?;
        self.output.flush()
    }

    fn emphasised(&self, emphasis: Emphasis, text: &str) -> String {
        let code = match emphasis {
            Emphasis::Bold => "1",
            Emphasis::Green => "32",
            Emphasis::Faint => "2",
        };
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
