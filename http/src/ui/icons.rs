//! The drawings: glyphs of states and icons of things, as inline SVG.

use maud::{Markup, PreEscaped, html};

use super::tone::Tone;

/// The glyph of a state.
pub(super) fn glyph(tone: Tone) -> Markup {
    let shape = match tone {
        Tone::Running => r#"<path class="fill" d="M3.4 1.9v8.2L10 6z"/>"#,
        Tone::Waiting | Tone::Paused => r#"<path d="M4.1 2.8v6.4M7.9 2.8v6.4"/>"#,
        Tone::Retrying => r#"<path d="M9.9 6.1A3.9 3.9 0 1 1 8.6 3.2M8.8 1v2.4H6.4"/>"#,
        Tone::Stuck => r#"<path d="M6 1.6 10.9 10.2H1.1zM6 5v2.2M6 8.7v.05"/>"#,
        Tone::Completed => r#"<path d="M2.1 6.4l2.6 2.7 5.2-6"/>"#,
        Tone::Failed => r#"<path d="M3 3l6 6M9 3l-6 6"/>"#,
        Tone::Cancelled => r#"<circle cx="6" cy="6" r="4.2"/><path d="M3.1 8.9l5.8-5.8"/>"#,
        Tone::Terminated => r#"<rect class="fill" x="3" y="3" width="6" height="6" rx="1"/>"#,
        Tone::TimedOut => {
            r#"<circle cx="6" cy="6.8" r="3.7"/><path d="M6 4.8v2.1l1.3.8M4.8 1.2h2.4"/>"#
        }
        Tone::Continued => r#"<path d="M1.8 6h8M6.8 3l3 3-3 3"/>"#,
    };
    html! {
        svg.glyph viewBox="0 0 12 12" aria-hidden="true" data-glyph=(tone.name()) {
            (PreEscaped(shape))
        }
    }
}

/// An icon of a thing.
#[derive(Clone, Copy, Debug)]
pub(super) enum Icon {
    Brand,
    Workflows,
    Sagas,
    Projections,
    Subscriptions,
    Publications,
    DeadLetters,
    Circuits,
    Agents,
    Queues,
    Batches,
    Events,
    Contexts,
    Namespaces,
    Activity,
    Step,
    Timer,
    Signal,
    Update,
    Transaction,
    Request,
    Run,
    Copy,
    Search,
    Menu,
    Keyboard,
    Close,
}

impl Icon {
    /// The drawing, silent for screen readers.
    pub(super) fn draw(self) -> Markup {
        let shape = match self {
            Self::Brand => r#"<path d="M2 13h4v-4h4V5h4"/><path d="M12 3l2.2 2L12 7"/>"#,
            Self::Projections => r#"<path d="M2 3.5h12M2 8h12M2 12.5h12"/><path d="M6 3.5v9"/>"#,
            Self::Subscriptions => r#"<path d="M2 8h4M6 8l3-4h5M6 8h8M6 8l3 4h5"/>"#,
            Self::Sagas => r#"<path d="M2.5 4h8a3 3 0 0 1 0 6h-6M6.5 7.5 4 10l2.5 2.5"/>"#,
            Self::Circuits => {
                r#"<path d="M2 10h3.5l5-4.5M10.5 10H14"/><circle cx="5.5" cy="10" r="1"/>"#
            }
            Self::Publications => r#"<path d="M2.5 8 13.5 3l-3 10.5L8 9.5zM8 9.5 13.5 3"/>"#,
            Self::DeadLetters => {
                r#"<rect x="2" y="3.5" width="12" height="9" rx="1"/><path d="M2 4.5 8 9l6-4.5"/>"#
            }
            Self::Agents => {
                r#"<rect x="3" y="5" width="10" height="7.5" rx="2"/><path d="M8 5V2.5M6 8.5h.01M10 8.5h.01M1.5 8v2M14.5 8v2"/>"#
            }
            Self::Workflows => {
                r#"<rect x="2" y="2.5" width="5" height="4" rx="1"/><rect x="9" y="9.5" width="5" height="4" rx="1"/><path d="M4.5 6.5v5H9"/>"#
            }
            Self::Queues => r#"<path d="M2 4h12M2 8h8M2 12h4"/>"#,
            Self::Batches => {
                r#"<path d="M2 4.5l1.2 1.2L5.5 3M2 10.5l1.2 1.2L5.5 9M8 4.5h6M8 10.5h6"/>"#
            }
            Self::Events => {
                r#"<path d="M2 8h12"/><circle cx="4" cy="8" r="1.6"/><circle cx="9" cy="8" r="1.6"/><path d="M12 5.5 14.5 8 12 10.5"/>"#
            }
            Self::Contexts => {
                r#"<circle cx="4.5" cy="5" r="2.8"/><circle cx="11.5" cy="11" r="2.8"/><path d="M6.6 6.9 9.4 9.1"/>"#
            }
            Self::Namespaces => {
                r#"<path d="M8 1.8 14 5 8 8.2 2 5zM2 8l6 3.2L14 8M2 11l6 3.2 6-3.2"/>"#
            }
            Self::Activity => r#"<path d="M8.8 1.8 3.4 9h4.2l-.4 5.2L12.6 7H8.4z"/>"#,
            Self::Step => r#"<path d="M5.5 4.5 2 8l3.5 3.5M10.5 4.5 14 8l-3.5 3.5"/>"#,
            Self::Timer => {
                r#"<circle cx="8" cy="8.5" r="5.5"/><path d="M8 5.5v3l2 1.5M6.5 1.2h3"/>"#
            }
            Self::Signal => {
                r#"<path d="M4.6 11.4a4.8 4.8 0 0 1 0-6.8M11.4 4.6a4.8 4.8 0 0 1 0 6.8M2.5 13.5a7.8 7.8 0 0 1 0-11M13.5 2.5a7.8 7.8 0 0 1 0 11"/><circle cx="8" cy="8" r="1"/>"#
            }
            Self::Update => {
                r#"<path d="M2.5 5.5h9M8.5 2.5l3 3-3 3M13.5 10.5h-9M7.5 7.5l-3 3 3 3"/>"#
            }
            Self::Transaction => {
                r#"<ellipse cx="8" cy="3.8" rx="5" ry="2"/><path d="M3 3.8v8.4c0 1.1 2.2 2 5 2s5-.9 5-2V3.8M3 8c0 1.1 2.2 2 5 2s5-.9 5-2"/>"#
            }
            Self::Request => r#"<path d="M2 8h8.5M7.5 5l3 3-3 3M13.5 3v10"/>"#,
            Self::Run => r#"<circle cx="8" cy="8" r="6"/><path d="M6.8 5.6v4.8L10.6 8z"/>"#,
            Self::Copy => {
                r#"<rect x="5.5" y="5.5" width="8" height="8" rx="1.5"/><path d="M10.5 5.5v-2a1 1 0 0 0-1-1h-6a1 1 0 0 0-1 1v6a1 1 0 0 0 1 1h2"/>"#
            }
            Self::Search => r#"<circle cx="7" cy="7" r="4.5"/><path d="M10.5 10.5 14 14"/>"#,
            Self::Menu => r#"<path d="M2.5 4.5h11M2.5 8h11M2.5 11.5h11"/>"#,
            Self::Keyboard => {
                r#"<rect x="1.5" y="4" width="13" height="8.5" rx="1.5"/><path d="M4.5 7h.01M8 7h.01M11.5 7h.01M5.5 10h5"/>"#
            }
            Self::Close => r#"<path d="M4 4l8 8M12 4l-8 8"/>"#,
        };
        html! { svg.icon viewBox="0 0 16 16" aria-hidden="true" { (PreEscaped(shape)) } }
    }
}
