//! Whether long work is to go on.

use std::ops::ControlFlow;

/// Steps between two times of asking.
const STEPS: u32 = 256;

/// Asks now and then whether work is to go on. Once it is not, that stays so.
pub(crate) struct Watch<'a> {
    go_on: &'a mut dyn FnMut() -> ControlFlow<()>,
    steps: u32,
    is_over: bool,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(go_on: &'a mut dyn FnMut() -> ControlFlow<()>) -> Self {
        Self { go_on, steps: 0, is_over: false }
    }

    /// Whether the work is to end. To be called at every step: it asks at some of them.
    pub(crate) fn is_over(&mut self) -> bool {
        self.steps = self.steps.wrapping_add(1);
        if self.steps.is_multiple_of(STEPS) { self.is_over_now() } else { self.is_over }
    }

    /// The same, asked in any case.
    pub(crate) fn is_over_now(&mut self) -> bool {
        self.is_over = self.is_over || (self.go_on)().is_break();
        self.is_over
    }
}
