//! The OpenAPI document: generated from the handlers, completed with what every route can answer.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, ResponseBuilder};

use super::json::json_text;
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

/// Adds to every operation the refusals that its handler does not declare.
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
    for item in document.paths.paths.values_mut() {
        let PathItem { get, post, put, delete, .. } = item;
        for operation in [&mut *get, &mut *post, &mut *put, &mut *delete].into_iter().flatten() {
            if is_scoped(operation) {
                refusals(operation, &SCOPED);
            }
        }
        for operation in [get, delete].into_iter().flatten() {
            refusals(operation, &EVERYWHERE);
        }
        for operation in [post, put].into_iter().flatten() {
            refusals(operation, &EVERYWHERE);
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

fn refusals(operation: &mut Operation, refusals: &[(&str, &str)]) {
    for (status, description) in refusals {
        let problem = Ref::from_schema_name("Problem");
        let response = ResponseBuilder::new().description(*description).content(
            "application/problem+json",
            ContentBuilder::new().schema(Some(problem)).build(),
        );
        operation
            .responses
            .responses
            .entry((*status).to_owned())
            .or_insert_with(|| response.build().into());
    }
}

/// Answers the document.
pub(super) async fn serve(State(document): State<Bytes>) -> Response {
    json_text(StatusCode::OK, document).into_response()
}
