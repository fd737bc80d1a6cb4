//! Catches panics of user code with their message and place.
//!
//! The process's panic hook is wrapped once: for code under [`catch`] it notes the place instead of
//! printing, everything else reaches the hook that was there before.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{UnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

/// What a panic said, and where.
pub(super) struct Caught {
    pub(super) message: String,
    pub(super) location: Option<String>,
}

thread_local! {
    /// Some while code is being watched; then the place of its last panic.
    static WATCHED: RefCell<Option<Option<String>>> = const { RefCell::new(None) };
}

/// Installs the hook; harmless to call again.
pub(super) fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = take_hook();
        set_hook(Box::new(move |info| {
            let watched = WATCHED.with(|watched| match &mut *watched.borrow_mut() {
                Some(location) => {
                    *location = info.location().map(|at| format!("{}:{}", at.file(), at.line()));
                    true
                }
                None => false,
            });
            if !watched {
                previous(info);
            }
        }));
    });
}

/// Runs `code`; a panic in it comes back as a value.
pub(super) fn catch<T>(code: impl FnOnce() -> T + UnwindSafe) -> Result<T, Caught> {
    let outer = WATCHED.with(|watched| watched.replace(Some(None)));
    let result = catch_unwind(code);
    let location = WATCHED.with(|watched| watched.replace(outer)).flatten();
    result.map_err(|panic| Caught { message: message_of(&*panic), location })
}

/// Drops what holds code of the user, whose destructors may panic: that must not end the loop.
pub(super) fn drop_quietly<T>(what: &str, value: T) {
    if let Err(panic) = catch(std::panic::AssertUnwindSafe(move || drop(value))) {
        let Caught { message, location } = panic;
        tracing::error!(message, location, "dropping {what} panicked");
    }
}

/// The text that a panic carried.
pub(super) fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "panicked with a value that is no text".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_message_and_place() {
        install_hook();
        let caught = catch(|| -> () { panic!("no {}", "luck") }).err().unwrap();
        assert_eq!(caught.message, "no luck");
        assert!(caught.location.unwrap().contains("panics.rs"));
        assert_eq!(catch(|| 7).ok(), Some(7));
    }
}
