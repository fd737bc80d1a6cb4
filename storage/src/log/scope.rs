//! Scope keys: `tenant:{tenant}:{type}:{id}`, the names of consistency boundaries.
//!
//! Invariant: formatting and parsing are inverse; a `:` or `%` within a part is percent-encoded,
//! so no part can reach into another one, and no tenant into another one's scopes.

use std::fmt;
use std::str::FromStr;

/// A consistency boundary of one tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScopeKey {
    /// Whose it is.
    pub tenant_id: Box<str>,
    /// The kind of boundary, such as `reservation`.
    pub scope_type: Box<str>,
    /// Which one.
    pub scope_id: Box<str>,
}

/// A text that is no scope key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScopeKeyError {
    /// It does not begin with a tenant.
    #[error("scope key `{0}` needs its tenant in front: write `tenant:TENANT:TYPE:ID`")]
    NoTenant(String),
    /// It has other parts than it should.
    #[error("scope key `{0}` is not `tenant:TENANT:TYPE:ID` with `:` within a part as `%3A`")]
    Malformed(String),
}

impl ScopeKey {
    /// The boundary of a tenant.
    pub fn new(
        tenant_id: impl Into<Box<str>>,
        scope_type: impl Into<Box<str>>,
        scope_id: impl Into<Box<str>>,
    ) -> Self {
        Self {
            tenant_id: tenant_id.into(),
            scope_type: scope_type.into(),
            scope_id: scope_id.into(),
        }
    }
}

impl fmt::Display for ScopeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tenant")?;
        for part in [&self.tenant_id, &self.scope_type, &self.scope_id] {
            f.write_str(":")?;
            for letter in part.chars() {
                match letter {
                    ':' => f.write_str("%3A")?,
                    '%' => f.write_str("%25")?,
                    letter => fmt::Write::write_char(f, letter)?,
                }
            }
        }
        Ok(())
    }
}

impl FromStr for ScopeKey {
    type Err = ScopeKeyError;

    fn from_str(text: &str) -> Result<Self, ScopeKeyError> {
        let Some(rest) = text.strip_prefix("tenant:") else {
            return Err(ScopeKeyError::NoTenant(text.to_owned()));
        };
        let parts: Option<Vec<Box<str>>> = rest.split(':').map(decode).collect();
        match parts.as_deref() {
            Some([tenant, kind, id]) if [tenant, kind, id].iter().all(|part| !part.is_empty()) => {
                Ok(Self::new(tenant.clone(), kind.clone(), id.clone()))
            }
            _ => Err(ScopeKeyError::Malformed(text.to_owned())),
        }
    }
}

fn decode(part: &str) -> Option<Box<str>> {
    let mut pieces = part.split('%');
    let mut whole = pieces.next()?.to_owned();
    for piece in pieces {
        let (letter, rest) = [("3A", ':'), ("25", '%')]
            .into_iter()
            .find_map(|(code, letter)| piece.strip_prefix(code).map(|rest| (letter, rest)))?;
        whole.push(letter);
        whole.push_str(rest);
    }
    Some(whole.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_written_and_read_back() {
        for (tenant, kind, id) in
            [("tenant_123", "reservation", "res_456"), ("a:b", "%", "%3A:"), ("ä", "x y", "1/2")]
        {
            let key = ScopeKey::new(tenant, kind, id);
            assert_eq!(key.to_string().parse(), Ok(key));
        }
        let key: ScopeKey = "tenant:tenant_123:reservation:res_456".parse().expect("a key");
        assert_eq!((&*key.tenant_id, &*key.scope_id), ("tenant_123", "res_456"));
    }

    #[test]
    fn what_is_no_key_is_named() {
        let no_tenant = "reservation:res_456".parse::<ScopeKey>().expect_err("no tenant");
        assert!(no_tenant.to_string().contains("tenant in front"), "{no_tenant}");
        for text in
            ["tenant:a:b", "tenant:a:b:c:d", "tenant::b:c", "tenant:a:b:%", "tenant:a:b:%41"]
        {
            let refused = text.parse::<ScopeKey>();
            assert!(matches!(refused, Err(ScopeKeyError::Malformed(_))), "{text}: {refused:?}");
        }
    }
}
