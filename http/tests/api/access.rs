//! Who may come in: every route with every role, tenants, sessions of the inspector, and where a
//! server may listen.

use std::collections::BTreeSet;

use axum::http::Method;
use everstep::access::{AccessRule, Token, TokenEntry, Tokens};
use everstep::server::{Server, ServerConfig};
use everstep::{NamespaceSettings, Role};
use serde_json::{Value, json};

use crate::support::{Reply, TestServer};
use crate::worker::worker;

/// A server that asks, and a token of each role; and one of a tenant who is an admin at home.
struct Guarded {
    server: TestServer,
    tokens: Vec<(Role, Token)>,
    tenant: Token,
}

fn entry(name: &str, role: Role, token: &Token, own: Option<&str>) -> TokenEntry {
    TokenEntry {
        name: name.to_owned(),
        role: role.to_string(),
        namespaces: own.map(|own| BTreeSet::from([own.to_owned()])),
        sha256: token.hash().to_string(),
    }
}

impl Guarded {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("tokens.json");
        let tokens = Role::ALL.map(|role| (role, Token::random())).to_vec();
        for (role, token) in &tokens {
            Tokens::add(&file, entry(role.name(), *role, token, None)).unwrap();
        }
        let tenant = Token::random();
        Tokens::add(&file, entry("tenant", Role::Admin, &tenant, Some("shop"))).unwrap();
        let known = Tokens::read(&file).unwrap();
        let server = TestServer::start_with(|config| {
            config.tokens = Some(known);
            config.engine.clock = everstep::Clock::manual();
        })
        .await;
        let settings = NamespaceSettings { description: String::new(), retention_ms: None };
        server.engine.create_namespace("shop", settings).await.unwrap();
        Self { server, tokens, tenant }
    }

    fn token(&self, role: Role) -> &Token {
        &self.tokens.iter().find(|(known, _)| *known == role).unwrap().1
    }

    async fn send(&self, method: Method, path: &str, token: Option<&Token>, body: &str) -> Reply {
        let value = token.map(|token| format!("Bearer {}", token.text()));
        let headers: Vec<_> = value.iter().map(|value| ("authorization", value.as_str())).collect();
        self.server.send(method, path, &headers, body.to_owned()).await
    }
}

/// The path with something in place of its parameters.
fn filled(path: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { "x".to_owned() } else { part.to_owned() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn every_route_asks_for_the_role_that_it_declares() {
    let guarded = Guarded::start().await;
    let rules = guarded.server.rules.clone();
    let count = |role| rules.iter().filter(|rule| rule.role == role).count();
    assert!(rules.len() > 90, "{}", rules.len());
    assert!(Role::ALL.iter().all(|role| count(Some(*role)) > 0));
    for AccessRule { method, path, role } in &rules {
        let address = filled(path);
        let page = path == "/" || path.starts_with("/ui") || path == "/favicon.ico";
        let Some(needed) = role else {
            let reply = guarded.send(method.clone(), &address, None, "").await;
            assert!(!matches!(reply.status, 403) && (page || reply.status == 200), "{path}");
            continue;
        };
        let reply = guarded.send(method.clone(), &address, None, "").await;
        if page && path != "/ui/live" {
            assert_eq!(reply.status, 303, "{method} {path}");
            assert!(reply.headers["location"].to_str().unwrap().starts_with("/ui/login"));
        } else {
            reply.problem(401, "UNAUTHENTICATED");
            assert_eq!(reply.headers["www-authenticate"], "Bearer");
        }
        for (role, token) in &guarded.tokens {
            let reply = guarded.send(method.clone(), &address, Some(token), "").await;
            let what = format!("{role}: {method} {path}: {} {}", reply.status, reply.text());
            let let_in = role >= needed;
            if page && *method == Method::POST {
                let flash = reply.headers.get("set-cookie").map(|it| it.to_str().unwrap());
                let refused = flash.is_some_and(|it| it.contains("UNAUTHORIZED"));
                assert_eq!(!refused, let_in, "{what}");
            } else if let_in {
                assert!(!matches!(reply.status, 401 | 403), "{what}");
            } else {
                let detail = reply.problem(403, "UNAUTHORIZED");
                assert_eq!(detail, format!("UNAUTHORIZED: {} role required", needed.title()));
            }
        }
    }
}

#[tokio::test]
async fn every_operation_of_the_document_declares_its_role() {
    let server = TestServer::start_with_manual_clock().await;
    let document = server.get("/api/v1/openapi.json").await.json(200);
    assert_eq!(document["components"]["securitySchemes"]["token"]["scheme"], "bearer");
    let declared: BTreeSet<_> =
        server.rules.iter().map(|rule| (rule.path.clone(), rule.method.to_string())).collect();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let rule = (path.clone(), method.to_ascii_uppercase());
            assert!(declared.contains(&rule), "{method} {path} does not say who may call it");
        }
    }
    // Pages of the inspector, too: what declares nothing is the admin's alone.
    let pages = server.rules.iter().filter(|rule| rule.path.starts_with("/ui/"));
    assert!(pages.count() > 30);
}

#[tokio::test]
async fn unknown_tokens_are_refused_everywhere() {
    let guarded = Guarded::start().await;
    let stranger = Token::random();
    for path in ["/api/v1/workflows", "/metrics", "/nowhere", "/ui/workflows", "/errors/corrupt"] {
        let reply = guarded.send(Method::GET, path, Some(&stranger), "").await;
        reply.problem(401, "UNAUTHENTICATED");
    }
    for value in ["", "Bearer", "Basic eDp5", "Bearer ", "bearer x"] {
        let headers = [("authorization", value)];
        let reply = guarded.server.send(Method::GET, "/api/v1/workflows", &headers, "").await;
        reply.problem(401, "UNAUTHENTICATED");
    }
    guarded.send(Method::GET, "/nowhere", None, "").await.problem(401, "UNAUTHENTICATED");
    let viewer = Some(guarded.token(Role::Viewer));
    guarded.send(Method::GET, "/nowhere", viewer, "").await.problem(404, "route_not_found");
    guarded.send(Method::GET, "/health/live", None, "").await.json(200);
}

#[tokio::test]
async fn a_tenant_reaches_its_own_namespaces_only() {
    let guarded = Guarded::start().await;
    let tenant = Some(&guarded.tenant);
    let body = r#"{"type":"echo","id":"mine"}"#;
    for path in ["/api/v1/workflows", "/api/v1/workflows?namespace=default"] {
        let reply = guarded.send(Method::POST, path, tenant, body).await;
        let detail = reply.problem(403, "UNAUTHORIZED");
        assert!(detail.contains("`default`"), "{detail}");
    }
    let own = "/api/v1/workflows?namespace=shop";
    guarded.send(Method::POST, own, tenant, body).await.json(201);
    let listed = guarded.send(Method::GET, own, tenant, "").await.json(200);
    assert_eq!(listed["workflows"][0]["workflow_id"], "mine");
    // One that does not exist is as closed as another one's.
    let reply = guarded.send(Method::GET, "/api/v1/workflows?namespace=none", tenant, "").await;
    reply.problem(403, "UNAUTHORIZED");

    // The namespace stands in the body, in the path, in a task token; or nowhere.
    for filter in [json!({}), json!({"namespace": "default"})] {
        let body = json!({"filter": filter}).to_string();
        let path = "/api/v1/batch/cancel?namespace=default";
        guarded.send(Method::POST, path, tenant, &body).await.problem(403, "UNAUTHORIZED");
    }
    let body = r#"{"filter":{"namespace":"default"}}"#;
    let path = "/api/v1/batch/cancel?namespace=shop";
    guarded.send(Method::POST, path, tenant, body).await.problem(403, "UNAUTHORIZED");
    let body = r#"{"filter":{"namespace":"shop"},"dry_run":true}"#;
    guarded.send(Method::POST, path, tenant, body).await.json(200);
    let run = "0192d3a4-5b6c-7d8e-9f00-112233445566";
    let path = format!("/api/v1/activities/{run}.1.1/complete");
    guarded.send(Method::POST, &path, tenant, "").await.problem(403, "UNAUTHORIZED");
    let path = format!("/api/v1/activities/{run}.1.1.shop/complete");
    guarded.send(Method::POST, &path, tenant, "").await.problem(404, "activity_not_found");
    let path = "/api/v1/namespaces/default";
    guarded.send(Method::GET, path, tenant, "").await.problem(403, "UNAUTHORIZED");
    let all = guarded.send(Method::GET, "/api/v1/namespaces", tenant, "").await.json(200);
    let names: Vec<_> = all["namespaces"].as_array().unwrap().iter().map(|n| &n["name"]).collect();
    assert_eq!(names, [&Value::from("shop")]);
    for path in ["/metrics", "/api/v1/export"] {
        guarded.send(Method::GET, path, tenant, "").await.problem(403, "UNAUTHORIZED");
    }
    let body = r#"{"name":"more"}"#;
    let reply = guarded.send(Method::POST, "/api/v1/namespaces", tenant, body).await;
    reply.problem(403, "UNAUTHORIZED");

    // The inspector shows the tenant's namespace, whatever the cookie says.
    let value = format!("Bearer {}", guarded.tenant.text());
    let headers = [("authorization", value.as_str()), ("cookie", "everstep_namespace=default")];
    let page = guarded.server.send(Method::GET, "/ui/workflows", &headers, "").await;
    assert!(page.status == 200 && page.text().contains("mine"), "{}", page.text());
    let page = guarded.server.send(Method::GET, "/ui/namespaces", &headers, "").await;
    assert!(page.text().contains("data-namespace=\"shop\""), "{}", page.text());
    assert!(!page.text().contains("data-namespace=\"default\""), "{}", page.text());
}

#[tokio::test]
async fn people_log_in_to_the_inspector_and_out() {
    let guarded = Guarded::start().await;
    let server = &guarded.server;
    let page = server.get("/ui/schedules?x=1").await;
    assert_eq!(page.headers["location"], "/ui/login?next=%2Fui%2Fschedules%3Fx%3D1");
    assert!(server.get("/ui/login").await.text().contains("Token"));

    let own = format!("http://{}", server.address);
    let form = [("content-type", "application/x-www-form-urlencoded"), ("origin", own.as_str())];
    let wrong = server.send(Method::POST, "/ui/login", &form, "token=es_wrong").await;
    assert!(wrong.status == 401 && wrong.text().contains("does not know"), "{}", wrong.text());
    let body = format!("token={}&next=%2Fui%2Fschedules", guarded.token(Role::App).text());
    let stolen = [form[0], ("sec-fetch-site", "cross-site")];
    assert_eq!(server.send(Method::POST, "/ui/login", &stolen, body.clone()).await.status, 403);
    let entered = server.send(Method::POST, "/ui/login", &form, body).await;
    assert_eq!(
        (entered.status, &entered.headers["location"]),
        (303, &"/ui/schedules".parse().unwrap())
    );
    let cookie = entered.headers["set-cookie"].to_str().unwrap().to_owned();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/ui"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains(guarded.token(Role::App).text()));
    let session = cookie.split(';').next().unwrap();

    let page = server.send(Method::GET, "/ui/schedules", &[("cookie", session)], "").await;
    assert!(page.status == 200 && page.text().contains("app · app"), "{}", page.text());
    // The session is the inspector's alone.
    let reply = server.send(Method::GET, "/api/v1/workflows", &[("cookie", session)], "").await;
    reply.problem(401, "UNAUTHENTICATED");
    // A form comes from one of its pages.
    let path = "/ui/workflows/x/signal";
    for from in [vec![], vec![("sec-fetch-site", "none")], vec![("origin", "http://evil.example")]]
    {
        let headers = [vec![("cookie", session), form[0]], from].concat();
        assert_eq!(server.send(Method::POST, path, &headers, "name=a").await.status, 403);
    }
    let live = [("cookie", session), form[0], form[1], ("x-live", "1")];
    let reply = server.send(Method::POST, path, &live, "name=a").await;
    assert_eq!(reply.status, 404, "{}", reply.text());
    let reply = server.send(Method::POST, "/ui/workflows/x/terminate", &live, "reason=a").await;
    let answer: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!((reply.status, &answer["kind"]), (403, &Value::from("error")));
    assert_eq!(answer["toast"], "UNAUTHORIZED: Operator role required");

    let left = server.send(Method::POST, "/ui/logout", &live[..3], "").await;
    assert_eq!((left.status, &left.headers["location"]), (303, &"/ui/login".parse().unwrap()));
    let page = server.send(Method::GET, "/ui/schedules", &[("cookie", session)], "").await;
    assert_eq!(page.status, 303);
    let reply = server.send(Method::POST, path, &live, "name=a").await;
    assert!(reply.status == 401 && reply.text().contains("log in again"), "{}", reply.text());
}

#[tokio::test]
async fn without_tokens_nothing_is_asked() {
    let server = TestServer::start().await;
    let headers = [("authorization", "Bearer whatever"), ("cookie", "everstep_session=x")];
    server.send(Method::GET, "/api/v1/workflows", &headers, "").await.json(200);
    assert_eq!(server.get("/ui/login").await.status, 303);
    assert!(!server.get("/ui/workflows").await.text().contains("Log out"));
}

#[tokio::test]
async fn a_server_with_tokens_may_listen_anywhere() {
    let data = tempfile::tempdir().unwrap();
    let mut config = ServerConfig::new(data.path());
    config.listen = "0.0.0.0:0".parse().unwrap();
    let token = Token::random();
    let document = json!({"tokens": [entry("ada", Role::Admin, &token, None)]});
    config.tokens = Some(Tokens::parse(&document.to_string()).unwrap());
    let server = Server::open(worker(), config).await.unwrap();
    server.run(async {}).await.unwrap();
}
