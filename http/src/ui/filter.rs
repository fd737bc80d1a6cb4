//! The list's filter, to and from the address.
//!
//! Invariant: what the address says and what the form shows are the same; a value that makes no
//! sense is shown with its problem and filters nothing.

use std::collections::BTreeMap;

use everstep_engine::{ListFilter, ListOrder, RunStatus, Timestamp};

use super::url;

/// The order where none is asked for.
pub(super) const NEWEST_FIRST: &str = "-started_at";

/// The filter as it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(super) struct Filter {
    pub(super) status: Option<RunStatus>,
    pub(super) workflow_type: Option<String>,
    pub(super) id_prefix: Option<String>,
    /// As typed: an instant, a day, or how long ago (`15m`).
    pub(super) started_after: Option<String>,
    /// As typed.
    pub(super) started_before: Option<String>,
    /// Only children of this workflow.
    pub(super) parent: Option<String>,
    pub(super) attributes: BTreeMap<String, String>,
    /// The list's other parameters, by name.
    pub(super) more: BTreeMap<String, String>,
    /// By what the list is sorted; newest first where nothing is said.
    pub(super) sort: Option<String>,
    pub(super) page_token: Option<String>,
    /// An unknown status, as asked for.
    pub(super) unknown_status: Option<String>,
}

impl Filter {
    /// Reads an address's parameters; unknown ones are passed over.
    pub(super) fn parse(pairs: Vec<(String, String)>) -> Self {
        let mut filter = Self::default();
        for (name, value) in pairs {
            let value = value.trim().to_owned();
            if value.is_empty() {
                continue;
            }
            match name.as_str() {
                "status" => match value.parse() {
                    Ok(status) => filter.status = Some(status),
                    Err(_) => filter.unknown_status = Some(value),
                },
                "type" => filter.workflow_type = Some(value),
                "id_prefix" => filter.id_prefix = Some(value),
                "started_after" => filter.started_after = Some(value),
                "started_before" => filter.started_before = Some(value),
                "parent" => filter.parent = Some(value),
                "page_token" => filter.page_token = Some(value),
                "sort" => filter.sort = Some(value).filter(|sort| sort != NEWEST_FIRST),
                "closed_after" | "closed_before" | "build" | "version" | "queue" | "stuck"
                | "fingerprint" => drop(filter.more.insert(name, value)),
                // A form without scripts can only send one name for all attributes.
                "attr" => {
                    if let Some((name, value)) = value.split_once('=') {
                        filter.take_attribute(name.trim(), value.trim());
                    }
                }
                _ => match name.split_once('.') {
                    Some(("attr", attribute)) => {
                        filter.attributes.insert(attribute.into(), value);
                    }
                    Some(("attr_min" | "attr_max" | "attr_prefix", _)) => {
                        filter.more.insert(name, value);
                    }
                    _ => {}
                },
            }
        }
        filter
    }

    /// What was typed as `name=value`; `name>=value`, `name<=value` and `name^=value` are ranges.
    fn take_attribute(&mut self, name: &str, value: &str) {
        let (kind, attribute) = match name.as_bytes() {
            [.., b'>'] => ("attr_min", &name[..name.len() - 1]),
            [.., b'<'] => ("attr_max", &name[..name.len() - 1]),
            [.., b'^'] => ("attr_prefix", &name[..name.len() - 1]),
            _ => {
                self.attributes.insert(name.into(), value.into());
                return;
            }
        };
        self.more.insert(format!("{kind}.{}", attribute.trim()), value.into());
    }

    /// The order that is asked for, and the problem if there is none such.
    pub(super) fn order(&self) -> (ListOrder, Option<String>) {
        match self.sort.as_deref().map(str::parse::<ListOrder>) {
            None => (ListOrder::default(), None),
            Some(Ok(order)) => (order, None),
            Some(Err(refused)) => (ListOrder::default(), Some(refused.to_string())),
        }
    }

    /// The same filter in another order, from its first page.
    pub(super) fn sorted(&self, sort: &str) -> Self {
        let sort = Some(sort.to_owned()).filter(|sort| sort != NEWEST_FIRST);
        Self { sort, ..self.first_page() }
    }

    /// The same filter with or without another parameter of the list.
    pub(super) fn with(&self, name: &str, value: Option<&str>) -> Self {
        let mut filter = self.first_page();
        match value {
            Some(value) => drop(filter.more.insert(name.to_owned(), value.to_owned())),
            None => drop(filter.more.remove(name)),
        }
        filter
    }

    /// What the engine is asked, and what it is not asked because it makes no sense.
    pub(super) fn to_list(&self, namespace: &str, now: Timestamp) -> (ListFilter, Vec<String>) {
        let mut problems = Vec::new();
        if let Some(status) = &self.unknown_status {
            problems.push(format!("“{status}” is no status"));
        }
        let mut instant = |text: &Option<String>, field: &str| {
            let text = text.as_deref()?;
            let found = instant(text, now);
            if found.is_none() {
                problems.push(format!(
                    "{field}: “{text}” is no time; write 15m, 6h or 7d (ago), 2026-01-31 or 2026-01-31T08:30 (UTC)"
                ));
            }
            found
        };
        let started_after = instant(&self.started_after, "Started after");
        let started_before = instant(&self.started_before, "Started before");
        let mut filter = ListFilter {
            namespace: namespace.into(),
            status: self.status,
            workflow_type: self.workflow_type.clone(),
            id_prefix: self.id_prefix.clone(),
            started_after,
            started_before,
            parent: self.parent.clone(),
            attributes: self.attributes.clone(),
            ..ListFilter::default()
        };
        for (name, value) in &self.more {
            problems.extend(filter.set(name, value).err().map(|error| error.to_string()));
        }
        problems.extend(self.order().1);
        (filter, problems)
    }

    /// The same filter on its first page.
    pub(super) fn first_page(&self) -> Self {
        Self { page_token: None, ..self.clone() }
    }

    /// The same filter for another status, from its first page.
    pub(super) fn with_status(&self, status: Option<RunStatus>) -> Self {
        Self { status, unknown_status: None, ..self.first_page() }
    }

    /// The same filter for children of anyone.
    pub(super) fn without_parent(&self) -> Self {
        Self { parent: None, ..self.first_page() }
    }

    /// The same filter without one attribute.
    pub(super) fn without_attribute(&self, name: &str) -> Self {
        let mut filter = self.first_page();
        filter.attributes.remove(name);
        filter
    }

    /// Whether it lets everything through.
    pub(super) fn is_empty(&self) -> bool {
        Self { sort: None, ..self.first_page() } == Self::default()
    }

    /// The list's address with this filter.
    pub(super) fn address(&self) -> String {
        self.address_of(url::LIST)
    }

    /// A page's address with this filter.
    pub(super) fn address_of(&self, page: &str) -> String {
        let attributes: Vec<_> =
            self.attributes.iter().map(|(name, value)| (format!("attr.{name}"), value)).collect();
        let fields = [
            ("status", self.status.map(RunStatus::name)),
            ("type", self.workflow_type.as_deref()),
            ("id_prefix", self.id_prefix.as_deref()),
            ("started_after", self.started_after.as_deref()),
            ("started_before", self.started_before.as_deref()),
            ("parent", self.parent.as_deref()),
        ];
        let fields = fields.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let attributes = attributes.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let more = self.more.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let sort = self.sort.as_deref().map(|sort| ("sort", sort));
        let token = self.page_token.as_deref().map(|token| ("page_token", token));
        url::with_query(page, fields.chain(attributes).chain(more).chain(sort).chain(token))
    }
}

/// An instant as people type it; one without a zone is UTC.
fn instant(text: &str, now: Timestamp) -> Option<Timestamp> {
    if let Some(ms) = ago_ms(text) {
        return Some(Timestamp::from_millis(now.as_millis().saturating_sub(ms)));
    }
    let text = text.replacen(' ', "T", 1);
    let forms =
        [text.clone(), format!("{text}Z"), format!("{text}:00Z"), format!("{text}T00:00:00Z")];
    forms.iter().find_map(|form| form.parse().ok())
}

/// `15m` → its milliseconds.
fn ago_ms(text: &str) -> Option<i64> {
    let unit = text.chars().last()?;
    let unit_ms = match unit {
        's' => 1_000,
        'm' => 60_000,
        'h' => 3_600_000,
        'd' => 86_400_000,
        _ => return None,
    };
    text[..text.len() - 1].trim().parse::<u32>().ok().map(|count| i64::from(count) * unit_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(query: &[(&str, &str)]) -> Vec<(String, String)> {
        query.iter().map(|&(name, value)| (name.into(), value.into())).collect()
    }

    #[test]
    fn comes_back_from_its_address() {
        let filter = Filter::parse(pairs(&[
            ("status", "failed"),
            ("type", "order"),
            ("id_prefix", "a&b"),
            ("started_after", "15m"),
            ("attr.customer", "ada=1"),
            ("attr", "tier = gold"),
            ("parent", "cart/1"),
            ("attr", "amount >= 100"),
            ("attr", "city^=Mün"),
            ("stuck", "true"),
            ("sort", "closed_at"),
            ("unknown", "x"),
            ("started_before", " "),
        ]));
        assert_eq!(
            filter.address(),
            "/ui/workflows?status=failed&type=order&id_prefix=a%26b&started_after=15m\
             &parent=cart%2F1&attr.customer=ada%3D1&attr.tier=gold&attr_min.amount=100\
             &attr_prefix.city=M%C3%BCn&stuck=true&sort=closed_at"
        );
        assert!(!filter.is_empty());
        assert_eq!(Filter::parse(Vec::new()).address(), "/ui/workflows");
    }

    #[test]
    fn times_are_typed_in_many_ways() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let read = |text: &str| instant(text, now).map(|at| at.to_string());
        for (text, expected) in [
            ("15m", "2026-11-21T11:45:00.000Z"),
            ("7d", "2026-11-14T12:00:00.000Z"),
            ("2026-11-01", "2026-11-01T00:00:00.000Z"),
            ("2026-11-01T08:30", "2026-11-01T08:30:00.000Z"),
            ("2026-11-01 08:30:15", "2026-11-01T08:30:15.000Z"),
            ("2026-11-01T08:30:15+01:00", "2026-11-01T07:30:15.000Z"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["yesterday", "m", "-5m", "2026-13-01", "é"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn nonsense_is_named_and_not_asked() {
        let filter = Filter::parse(pairs(&[
            ("status", "odd"),
            ("started_after", "soon"),
            ("stuck", "maybe"),
            ("sort", "length"),
        ]));
        let (list, problems) = filter.to_list("default", Timestamp::from_millis(0));
        assert_eq!(list.status, None);
        assert_eq!(list.started_after, None);
        assert_eq!(problems.len(), 4);
    }
}
