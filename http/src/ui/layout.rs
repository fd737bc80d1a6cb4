//! The document around every page.

use axum::http::{HeaderMap, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use everstep_engine::{DEFAULT_NAMESPACE, Role, Timestamp};
use maud::{DOCTYPE, Markup, html};

use super::assets;
use super::flash::{self, Flash};
use super::icons::{self, Icon};
use super::inspector::Inspector;
use super::preferences::Preferences;
use super::tone::Tone;
use super::url;

/// Who looks, and when.
#[derive(Clone, Debug)]
pub(super) struct Viewer {
    pub(super) now: Timestamp,
    /// Whose runs are shown, when it is not the default one.
    namespace: Option<String>,
    /// Who is logged in, and as what, where the server asks.
    who: Option<(String, Role)>,
    manual_clock: bool,
    hides_values: bool,
    preferences: Preferences,
    flash: Option<Flash>,
}

impl Viewer {
    /// What a request says of its sender, at the engine's time.
    pub(super) fn new(inspector: &Inspector, headers: &HeaderMap) -> Self {
        // A page that brings itself up to date leaves the message to the next whole page.
        let live = headers.contains_key("x-live");
        Self {
            now: inspector.engine.now(),
            namespace: Some(inspector.namespace.clone()).filter(|name| name != DEFAULT_NAMESPACE),
            who: inspector
                .guarded
                .then(|| (inspector.caller.name().to_owned(), inspector.caller.role())),
            manual_clock: inspector.engine.config().clock.is_manual(),
            hides_values: inspector.engine.hides_values(),
            preferences: Preferences::from_headers(headers),
            flash: Flash::from_headers(headers).filter(|_| !live),
        }
    }
}

/// The parts of the inspector, as the navigation names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Workflows,
    Sagas,
    Schedules,
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
}

impl Section {
    /// In the order of the navigation.
    const ALL: [Self; 14] = [
        Self::Workflows,
        Self::Sagas,
        Self::Schedules,
        Self::Queues,
        Self::Batches,
        Self::Events,
        Self::Projections,
        Self::Subscriptions,
        Self::Publications,
        Self::DeadLetters,
        Self::Circuits,
        Self::Agents,
        Self::Contexts,
        Self::Namespaces,
    ];

    const fn title(self) -> &'static str {
        match self {
            Self::Workflows => "Workflows",
            Self::Sagas => "Sagas",
            Self::Schedules => "Schedules",
            Self::Projections => "Projections",
            Self::Subscriptions => "Subscriptions",
            Self::Publications => "Publications",
            Self::DeadLetters => "Dead letters",
            Self::Circuits => "Circuits and limits",
            Self::Agents => "Agents",
            Self::Queues => "Task queues",
            Self::Batches => "Batches",
            Self::Events => "Events",
            Self::Contexts => "Contexts",
            Self::Namespaces => "Namespaces",
        }
    }

    const fn address(self) -> &'static str {
        match self {
            Self::Workflows => url::LIST,
            Self::Sagas => url::SAGAS,
            Self::Schedules => url::SCHEDULES,
            Self::Projections => url::PROJECTIONS,
            Self::Subscriptions => url::SUBSCRIPTIONS,
            Self::Publications => url::PUBLICATIONS,
            Self::DeadLetters => url::DEAD_LETTERS,
            Self::Circuits => url::CIRCUITS,
            Self::Agents => url::AGENTS,
            Self::Queues => url::QUEUES,
            Self::Batches => url::BATCHES,
            Self::Events => url::EVENTS,
            Self::Contexts => url::CONTEXTS,
            Self::Namespaces => url::NAMESPACES,
        }
    }

    const fn icon(self) -> Icon {
        match self {
            Self::Workflows => Icon::Workflows,
            Self::Sagas => Icon::Sagas,
            Self::Schedules => Icon::Timer,
            Self::Projections => Icon::Projections,
            Self::Subscriptions => Icon::Subscriptions,
            Self::Publications => Icon::Publications,
            Self::DeadLetters => Icon::DeadLetters,
            Self::Circuits => Icon::Circuits,
            Self::Agents => Icon::Agents,
            Self::Queues => Icon::Queues,
            Self::Batches => Icon::Batches,
            Self::Events => Icon::Events,
            Self::Contexts => Icon::Contexts,
            Self::Namespaces => Icon::Namespaces,
        }
    }
}

/// A page's own part of the document.
#[derive(Debug)]
pub(super) struct Page<'a> {
    pub(super) title: &'a str,
    pub(super) section: Section,
    /// What the page wants to hear of; none for a page that does not change.
    pub(super) topics: Option<String>,
    pub(super) body: Markup,
}

impl Page<'_> {
    /// The whole document.
    pub(super) fn render(&self, viewer: &Viewer) -> Response {
        let document = self.document(viewer);
        match viewer.flash {
            Some(_) => {
                (AppendHeaders([(header::SET_COOKIE, Flash::spent())]), document).into_response()
            }
            None => document.into_response(),
        }
    }

    fn document(&self, viewer: &Viewer) -> Markup {
        let hash = assets::hash();
        let file = |name: &str| assets::address(&hash, name);
        let preferences = viewer.preferences;
        html! {
            (DOCTYPE)
            html lang="en" data-assets=(hash) data-now=(viewer.now.as_millis())
                data-clock=(if viewer.manual_clock { "manual" } else { "system" })
                data-zone=(preferences.zone_name()) data-theme=[preferences.theme_name()] {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content=(preferences.theme_name().unwrap_or("light dark"));
                    title { (self.title) " · Everstep" }
                    link rel="icon" href=(file("icon.svg")) type="image/svg+xml";
                    @for style in ["tokens", "base", "parts", "runs", "run", "timeline"] {
                        link rel="stylesheet" href=(file(&format!("{style}.css")));
                    }
                    script type="module" src=(file("app.js")) {}
                }
                body data-topics=[self.topics.as_deref()] {
                    a.skip href="#main" { "Skip to content" }
                    (nav(preferences, viewer.namespace.as_deref(), viewer.who.as_ref(), self.section))
                    main #main {
                        @if viewer.hides_values {
                            p.muted #hidden-values { "This server hides values: kinds and sizes are shown." }
                        }
                        (self.body)
                    }
                    section #toasts aria-label="Messages" {
                        @if let Some(flash) = &viewer.flash { (flash.toast()) }
                    }
                    (templates())
                    (help())
                }
            }
        }
    }
}

/// The badge that says whether the page is kept up to date; a switch for it with scripts.
pub(super) fn live_badge() -> Markup {
    html! {
        button.live #live type="button" data-state="connecting" aria-pressed="false"
            title="Kept up to date while you look; press to pause" {
            span.dot {} span.word role="status" { "Connecting" }
        }
    }
}

/// The head of a page that is kept up to date and is one thing: its title.
pub(super) fn head(title: &str) -> Markup {
    html! {
        header.head {
            (drawer())
            h1 tabindex="-1" { (title) }
            span.push {}
            (live_badge())
        }
    }
}

/// Opens the navigation on narrow screens.
pub(super) fn drawer() -> Markup {
    html! {
        button.icon-button.drawer-toggle #drawer type="button" aria-label="Navigation" {
            (Icon::Menu.draw())
        }
    }
}

fn nav(
    preferences: Preferences,
    namespace: Option<&str>,
    who: Option<&(String, Role)>,
    current: Section,
) -> Markup {
    html! {
        nav.nav #nav aria-label="Main" {
            a.brand href=(url::LIST) title="Everstep" { (Icon::Brand.draw()) span.label { "Everstep" } }
            @if let Some(namespace) = namespace {
                a.nav-namespace #namespace href=(url::NAMESPACES) title="The namespace that is shown" {
                    (namespace)
                }
            }
            ul {
                @for section in Section::ALL {
                    li {
                        a href=(section.address()) title=(section.title())
                            data-back-to-list[section == Section::Workflows]
                            aria-current=[(section == current).then_some("page")] {
                            (section.icon().draw()) span.label { (section.title()) }
                        }
                    }
                }
            }
            div.nav-foot {
                @if let Some((name, role)) = who {
                    form.nav-who #who method="post" action=(url::LOGOUT) {
                        span title={ "Logged in as " (role) } { (name) " · " (role) }
                        button.button.small type="submit" { "Log out" }
                    }
                }
                button.nav-help #show-help type="button" title="Keyboard" {
                    (Icon::Keyboard.draw()) span.label { "Keyboard" }
                }
                (preferences.switches())
                p.nav-version { "v" (env!("CARGO_PKG_VERSION")) }
            }
        }
    }
}

/// What scripts copy: they build no markup of their own.
fn templates() -> Markup {
    html! {
        template #toast-done { (flash::toast(false, "")) }
        template #toast-error { (flash::toast(true, "")) }
        template #glyphs { @for tone in Tone::ALL { (icons::glyph(tone)) } }
    }
}

fn help() -> Markup {
    let keys: [(&[&str], &str); 10] = [
        (&["/"], "search by id"),
        (&["j", "k"], "next and previous row"),
        (&["Enter"], "open the row"),
        (&["Esc"], "close what is open"),
        (&["g", "w"], "go to the workflows"),
        (&["t"], "go to the timeline; there:"),
        (&["←", "→", "↑", "↓"], "move in time, choose a span"),
        (&["+", "-", "0"], "zoom in, out, show all"),
        (&["n", "p"], "next and previous failure"),
        (&["?"], "this help"),
    ];
    html! {
        dialog #help aria-labelledby="help-title" {
            div.card-head {
                h2 #help-title { "Keyboard" }
                form.push method="dialog" {
                    button.icon-button aria-label="Close" { (Icon::Close.draw()) }
                }
            }
            dl.keys {
                @for (keys, what) in keys {
                    dt { @for key in keys { kbd { (key) } " " } }
                    dd { (what) }
                }
            }
            label.check { input #letter-keys type="checkbox" checked; "Letter keys" }
        }
    }
}
