//! What each route needs, collected from where the routes are declared.
//!
//! Invariant: what was not declared needs an admin who reaches everything.

use std::collections::HashMap;

use axum::Router;
use axum::http::Method;
use axum::routing::MethodRouter;
use everstep_engine::Role;
use serde_json::Value;

/// The name of the security scheme in the API's description.
pub(crate) const SCHEME: &str = "token";
/// Beside the role: the handler itself keeps a tenant to its namespaces.
const OWN_NAMESPACES: &str = "own_namespaces";

/// How a token that is limited to some namespaces is kept to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// The handler sees to it, or shows nothing of any namespace.
    Handler,
    /// The parameter `namespace` says which one is asked for.
    Parameter,
    /// It is not let in.
    Everywhere,
}

/// What a route needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Need {
    /// None for a route that is open to everybody.
    pub(super) role: Option<Role>,
    pub(super) reach: Reach,
}

const UNDECLARED: Need = Need { role: Some(Role::Admin), reach: Reach::Everywhere };
/// Whoever may come in at all is told that there is nothing.
const NO_ROUTE: Need = Need { role: Some(Role::Viewer), reach: Reach::Handler };

/// One line of the table of all routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessRule {
    /// The method.
    pub method: Method,
    /// The path, as the router knows it.
    pub path: String,
    /// The smallest role that may call it; none where everybody may.
    pub role: Option<Role>,
}

/// The needs of all routes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Doors(HashMap<String, Vec<(Method, Need)>>);

impl Doors {
    /// What the description of the API declares.
    pub(crate) fn of_document(document: &Value) -> Self {
        let mut doors = Self::default();
        let paths = document.get("paths").and_then(Value::as_object);
        for (path, item) in paths.into_iter().flatten() {
            for (method, operation) in item.as_object().into_iter().flatten() {
                let Ok(method) = Method::from_bytes(method.to_ascii_uppercase().as_bytes()) else {
                    continue;
                };
                if let Some(need) = declared(operation) {
                    doors.add(path, method, need);
                }
            }
        }
        doors
    }

    fn add(&mut self, path: &str, method: Method, need: Need) {
        self.0.entry(path.to_owned()).or_default().push((method, need));
    }

    /// A route that any token may read and that shows nothing of any namespace.
    pub(crate) fn readable(mut self, path: &str) -> Self {
        self.add(path, Method::GET, Need { role: Some(Role::Viewer), reach: Reach::Handler });
        self
    }

    /// These and those.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// What a request needs whose path matched `route`.
    pub(super) fn need(&self, route: Option<&str>, method: &Method) -> Need {
        let Some(route) = route else { return NO_ROUTE };
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        let methods = self.0.get(route);
        let found = methods.and_then(|methods| methods.iter().find(|(known, _)| known == method));
        found.map_or(UNDECLARED, |(_, need)| *need)
    }

    /// The whole table, by path.
    pub(crate) fn rules(&self) -> Vec<AccessRule> {
        let mut rules: Vec<_> = self
            .0
            .iter()
            .flat_map(|(path, methods)| {
                methods.iter().map(|(method, need)| AccessRule {
                    method: method.clone(),
                    path: path.clone(),
                    role: need.role,
                })
            })
            .collect();
        rules.sort_by(|a, b| (&a.path, a.method.as_str()).cmp(&(&b.path, b.method.as_str())));
        rules
    }
}

/// What an operation says that it needs; none when it says nothing that can be understood.
fn declared(operation: &Value) -> Option<Need> {
    let security = operation.get("security")?.as_array()?;
    let words = match security.as_slice() {
        [] => return Some(Need { role: None, reach: Reach::Handler }),
        [only] if only.as_object().is_some_and(serde_json::Map::is_empty) => {
            return Some(Need { role: None, reach: Reach::Handler });
        }
        [only] => only.get(SCHEME)?.as_array()?,
        _ => return None,
    };
    let mut words = words.iter().map(|word| word.as_str().unwrap_or_default());
    let role = words.next()?.parse().ok()?;
    let reach = match words.next() {
        Some(OWN_NAMESPACES) => Reach::Handler,
        Some(_) => return None,
        None if has_namespace(operation) => Reach::Parameter,
        None => Reach::Everywhere,
    };
    Some(Need { role: Some(role), reach })
}

fn has_namespace(operation: &Value) -> bool {
    let parameters = operation.get("parameters").and_then(Value::as_array);
    parameters.into_iter().flatten().any(|parameter| {
        parameter.get("name").is_some_and(|name| name == "namespace")
            && parameter.get("in").is_some_and(|place| place == "query")
    })
}

/// A page's handlers with what they need. Pages show the namespace of their viewer, so a tenant
/// may see them.
pub(crate) struct Door<S> {
    router: MethodRouter<S>,
    needs: Vec<(Method, Need)>,
}

/// A page that every role may see.
pub(crate) fn see<S>(router: MethodRouter<S>) -> Door<S> {
    let need = Need { role: Some(Role::Viewer), reach: Reach::Handler };
    Door { router, needs: vec![(Method::GET, need)] }
}

/// A form that needs the role.
pub(crate) fn act<S>(role: Role, router: MethodRouter<S>) -> Door<S> {
    let need = Need { role: Some(role), reach: Reach::Handler };
    Door { router, needs: vec![(Method::POST, need)] }
}

/// What is answered to everybody, by these methods.
pub(crate) fn open<S, const N: usize>(methods: [Method; N], router: MethodRouter<S>) -> Door<S> {
    let need = Need { role: None, reach: Reach::Handler };
    Door { router, needs: methods.into_iter().map(|method| (method, need)).collect() }
}

impl<S: Clone + Send + Sync + 'static> Door<S> {
    /// These handlers and those of the same path.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.needs.extend(other.needs);
        self
    }

    /// Nothing for a token that is limited to some namespaces.
    pub(crate) fn everywhere(mut self) -> Self {
        self.needs.iter_mut().for_each(|(_, need)| need.reach = Reach::Everywhere);
        self
    }
}

/// Handlers that declare nothing: the admin's alone.
impl<S> From<MethodRouter<S>> for Door<S> {
    fn from(router: MethodRouter<S>) -> Self {
        Self { router, needs: Vec::new() }
    }
}

/// A router of pages that knows what they need.
pub(crate) struct Pages<S = ()> {
    router: Router<S>,
    doors: Doors,
}

impl<S: Clone + Send + Sync + 'static> Pages<S> {
    pub(crate) fn new() -> Self {
        Self { router: Router::new(), doors: Doors::default() }
    }

    pub(crate) fn route(mut self, path: &str, door: impl Into<Door<S>>) -> Self {
        let Door { router, needs } = door.into();
        for (method, need) in needs {
            self.doors.add(path, method, need);
        }
        self.router = self.router.route(path, router);
        self
    }

    /// What is done to the whole router.
    pub(crate) fn map<T>(self, change: impl FnOnce(Router<S>) -> Router<T>) -> Pages<T> {
        Pages { router: change(self.router), doors: self.doors }
    }

    pub(crate) fn split(self) -> (Router<S>, Doors) {
        (self.router, self.doors)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_route_says_what_it_needs_and_one_that_does_not_is_closed() {
        let namespace = json!([{"name": "namespace", "in": "query"}]);
        let doors = Doors::of_document(&json!({"paths": {
            "/open": {"get": {"security": [{}]}},
            "/some": {"get": {"security": [{"token": ["viewer"]}], "parameters": namespace},
                      "post": {"security": [{"token": ["app"]}]}},
            "/own": {"get": {"security": [{"token": ["operator", "own_namespaces"]}]}},
            "/silent": {"get": {}},
            "/odd": {"get": {"security": [{"token": ["app", "else"]}]},
                     "put": {"security": [{"token": ["root"]}]},
                     "post": {"security": [{"other": []}]}},
        }}));
        let need = |path, method| doors.need(Some(path), &method);
        let of = |role, reach| Need { role, reach };
        assert_eq!(need("/open", Method::HEAD), of(None, Reach::Handler));
        assert_eq!(need("/some", Method::GET), of(Some(Role::Viewer), Reach::Parameter));
        assert_eq!(need("/some", Method::POST), of(Some(Role::App), Reach::Everywhere));
        assert_eq!(need("/own", Method::GET), of(Some(Role::Operator), Reach::Handler));
        for (path, method) in [
            ("/silent", Method::GET),
            ("/odd", Method::GET),
            ("/odd", Method::PUT),
            ("/odd", Method::POST),
            ("/some", Method::DELETE),
            ("/else", Method::GET),
        ] {
            assert_eq!(need(path, method), UNDECLARED, "{path}");
        }
        assert_eq!(doors.need(None, &Method::POST), NO_ROUTE);
    }
}
