//! How two bounded contexts relate, and the map of all that do.
//!
//! Invariant: two contexts have at most one relationship, and none has one with itself. What is not
//! on the map is refused: no context calls another or reads its events without a relationship that
//! allows this direction.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ContextError;

/// The kinds of relationships between bounded contexts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RelationshipKind {
    /// What happens upstream reaches downstream, and not the other way.
    UpstreamDownstream,
    /// The same, and upstream plans for what downstream needs.
    CustomerSupplier,
    /// Downstream takes upstream's model as it is.
    Conformist,
    /// Downstream translates upstream's model into its own.
    AntiCorruptionLayer,
    /// Both succeed or fail together; each may call the other.
    Partnership,
    /// Both own a part of the model together; each may call the other.
    SharedKernel,
    /// Upstream offers one protocol to everyone.
    OpenHostService,
}

impl RelationshipKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::UpstreamDownstream,
        Self::CustomerSupplier,
        Self::Conformist,
        Self::AntiCorruptionLayer,
        Self::Partnership,
        Self::SharedKernel,
        Self::OpenHostService,
    ];

    /// Its name, such as `customer-supplier`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UpstreamDownstream => "upstream-downstream",
            Self::CustomerSupplier => "customer-supplier",
            Self::Conformist => "conformist",
            Self::AntiCorruptionLayer => "anti-corruption-layer",
            Self::Partnership => "partnership",
            Self::SharedKernel => "shared-kernel",
            Self::OpenHostService => "open-host-service",
        }
    }

    /// Whether both sides are equal, so that neither is upstream.
    pub const fn is_mutual(self) -> bool {
        matches!(self, Self::Partnership | Self::SharedKernel)
    }
}

impl fmt::Display for RelationshipKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for RelationshipKind {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|kind| kind.name()).collect();
            format!("`{text}` is no kind of relationship; there are {}", names.join(", "))
        })
    }
}

/// Two contexts and how they relate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Relationship {
    /// Whose model the other one follows; for a mutual kind, one of the two.
    pub upstream: String,
    /// Who follows; for a mutual kind, the other of the two.
    pub downstream: String,
    /// How they relate.
    #[serde(rename = "type")]
    pub kind: RelationshipKind,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
}

impl Relationship {
    /// The same as one of the two sides sees it.
    fn seen_by(&self, context: &str) -> Option<Neighbour> {
        let (with, direction) = match self.kind.is_mutual() {
            true if self.upstream == context => (&self.downstream, Direction::Mutual),
            true if self.downstream == context => (&self.upstream, Direction::Mutual),
            false if self.upstream == context => (&self.downstream, Direction::Upstream),
            false if self.downstream == context => (&self.upstream, Direction::Downstream),
            _ => return None,
        };
        Some(Neighbour { context: with.clone(), direction, kind: self.kind })
    }
}

/// Which side of a relationship a context is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The other one follows it.
    Upstream,
    /// It follows the other one.
    Downstream,
    /// Both are equal.
    Mutual,
}

/// A relationship as one side of it sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Neighbour {
    /// The other context.
    pub context: String,
    /// The side that this one is on.
    pub direction: Direction,
    /// How they relate.
    #[serde(rename = "type")]
    pub kind: RelationshipKind,
}

/// All relationships.
#[derive(Clone, Debug, Default)]
pub struct ContextMap {
    relationships: Vec<Relationship>,
    pairs: BTreeSet<(String, String)>,
}

impl ContextMap {
    /// An empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// Draws a relationship.
    ///
    /// # Errors
    /// [`ContextError::DuplicateRelationship`], [`ContextError::SelfReference`].
    pub fn relate(&mut self, relationship: Relationship) -> Result<(), ContextError> {
        let (one, other) = (relationship.upstream.clone(), relationship.downstream.clone());
        if one == other {
            return Err(ContextError::SelfReference(one));
        }
        let pair = if one < other { (one, other) } else { (other, one) };
        if self.pairs.contains(&pair) {
            return Err(ContextError::DuplicateRelationship(pair.0, pair.1));
        }
        self.pairs.insert(pair);
        self.relationships.push(relationship);
        Ok(())
    }

    /// The relationships, as they were drawn.
    pub fn relationships(&self) -> &[Relationship] {
        &self.relationships
    }

    /// What a context has to do with others.
    pub fn neighbours(&self, context: &str) -> Vec<Neighbour> {
        self.relationships.iter().filter_map(|one| one.seen_by(context)).collect()
    }

    /// The contexts that stand on the map, with their neighbours.
    pub fn by_context(&self) -> BTreeMap<&str, Vec<Neighbour>> {
        let names = self.pairs.iter().flat_map(|(one, other)| [one.as_str(), other.as_str()]);
        names.map(|name| (name, self.neighbours(name))).collect()
    }

    /// Refuses that `caller` asks something of `callee`, or reads what it publishes: downstream may
    /// ask upstream, and equals each other.
    ///
    /// # Errors
    /// [`ContextError::UndeclaredRelationship`].
    pub fn check_use(&self, caller: &str, callee: &str) -> Result<(), ContextError> {
        let related = self.relationships.iter().filter_map(|one| one.seen_by(caller)).any(|one| {
            one.context == callee
                && matches!(one.direction, Direction::Downstream | Direction::Mutual)
        });
        match caller == callee || related {
            true => Ok(()),
            false => Err(ContextError::UndeclaredRelationship {
                caller: caller.to_owned(),
                callee: callee.to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relationship(upstream: &str, downstream: &str, kind: RelationshipKind) -> Relationship {
        let (upstream, downstream) = (upstream.to_owned(), downstream.to_owned());
        Relationship { upstream, downstream, kind, description: String::new() }
    }

    #[test]
    fn each_kind_has_a_name_and_a_direction() {
        for kind in RelationshipKind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
            let mut map = ContextMap::new();
            map.relate(relationship("orders", "shipping", kind)).unwrap();
            assert!(map.check_use("shipping", "orders").is_ok(), "{kind}");
            let back = map.check_use("orders", "shipping");
            assert_eq!(back.is_ok(), kind.is_mutual(), "{kind}");
            assert!(map.check_use("billing", "orders").is_err());
            assert!(map.check_use("orders", "orders").is_ok());
        }
        assert!("friendship".parse::<RelationshipKind>().is_err());
    }

    #[test]
    fn a_pair_relates_once_and_nobody_to_itself() {
        let mut map = ContextMap::new();
        map.relate(relationship("a", "b", RelationshipKind::Conformist)).unwrap();
        for (upstream, downstream) in [("a", "b"), ("b", "a")] {
            let again = relationship(upstream, downstream, RelationshipKind::Partnership);
            assert_eq!(map.relate(again).unwrap_err().code(), "DUPLICATE_RELATIONSHIP");
        }
        let error = map.relate(relationship("a", "a", RelationshipKind::Partnership)).unwrap_err();
        assert_eq!(error.code(), "SELF_REFERENCE");
        assert_eq!(map.relationships().len(), 1);
    }

    #[test]
    fn a_partnership_shows_on_both_sides() {
        let mut map = ContextMap::new();
        map.relate(relationship("a", "b", RelationshipKind::Partnership)).unwrap();
        map.relate(relationship("a", "c", RelationshipKind::CustomerSupplier)).unwrap();
        let sides = map.by_context();
        assert_eq!(sides["a"].len(), 2);
        assert_eq!(
            (sides["b"][0].context.as_str(), sides["b"][0].direction),
            ("a", Direction::Mutual)
        );
        assert_eq!(sides["c"][0].direction, Direction::Downstream);
        assert_eq!(sides["a"][1].direction, Direction::Upstream);
    }
}
