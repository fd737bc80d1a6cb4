//! The OpenAPI document: generated from the handlers, completed with what every route can answer.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, ContentBuilder, OpenApi, Ref, RefOr, ResponseBuilder};
use utoipa::{PartialSchema, ToSchema};

use super::json::json_text;
use super::problem::ProblemBody;
use crate::access;

/// Any route may answer these.
const EVERYWHERE: [(&str, &str); 5] = [
    ("400", "a parameter, header or field that makes no sense"),
    ("401", "a token is asked for, and none or an unknown one came"),
    ("403", "a host, an origin or a caller that is not allowed"),
    ("500", "the server failed, through no fault of the request"),
    ("503", "starting, draining, out of disk space or stopped: try again"),
];
/// Routes that name a namespace may answer this too.
const SCOPED: [(&str, &str); 1] = [("404", "no such namespace")];
/// Routes that read a body may answer these too.
const WITH_BODY: [(&str, &str); 2] =
    [("408", "the body did not arrive in time"), ("413", "the body is too large")];

/// Adds to every operation the refusals that its handler does not declare, and to every refusal
/// its body, which is the same for all.
pub(super) fn complete(document: &mut OpenApi) {
    document.info.title = "Everstep".to_owned();
    document.info.description = Some("Durable execution over HTTP.".to_owned());
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    document.info.license = None;
    document.info.contact = None;
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(
        "Asked for where the server was started with tokens. A route names the smallest role that \
         may call it: viewer, app, operator, admin.",
    ));
    let components = document.components.get_or_insert_default();
    components.add_security_scheme(access::SCHEME, SecurityScheme::Http(scheme.build()));
    components.schemas.insert(ProblemBody::name().into_owned(), ProblemBody::schema());
    for item in document.paths.paths.values_mut() {
        let PathItem { get, post, put, delete, .. } = item;
        for operation in [get, delete].into_iter().flatten() {
            refusals(operation, &[]);
        }
        for operation in [post, put].into_iter().flatten() {
            refusals(operation, &WITH_BODY);
        }
    }
}

/// Whether the operation is about one namespace.
fn is_scoped(operation: &Operation) -> bool {
    let parameters = operation.parameters.iter().flatten();
    parameters.into_iter().any(|parameter| match parameter {
        RefOr::T(parameter) => parameter.name == "namespace",
        RefOr::Ref(_) => false,
    })
}

/// Declares what any route may answer and, of `more`, what these may; what the handler says of the
/// same status stands.
fn refusals(operation: &mut Operation, more: &[(&str, &str)]) {
    let scoped = if is_scoped(operation) { &SCOPED[..] } else { &[] };
    let responses = &mut operation.responses.responses;
    for (status, description) in scoped.iter().chain(&EVERYWHERE).chain(more) {
        let response = || ResponseBuilder::new().description(*description).build().into();
        responses.entry((*status).to_owned()).or_insert_with(response);
    }
    for (status, response) in responses {
        if let RefOr::T(response) = response
            && status.as_str() >= "400"
            && response.content.is_empty()
        {
            response.content.insert("application/problem+json".to_owned(), problem().into());
        }
    }
}

fn problem() -> Content {
    let schema = Ref::from_schema_name(ProblemBody::name());
    ContentBuilder::new().schema(Some(schema)).build()
}

/// Answers the document.
pub(super) async fn serve(State(document): State<Bytes>) -> Response {
    json_text(StatusCode::OK, document).into_response()
}
