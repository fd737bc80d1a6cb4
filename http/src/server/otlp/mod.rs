//! Traces for a collector: spans of runs, turns and activities over OTLP (HTTP, protobuf).
//!
//! Invariant: the engine never waits for the collector. Spans queue in a bounded buffer; what finds
//! no room there is dropped, with a warning in the log.

mod transport;

use std::fmt;
use std::sync::Arc;

use everstep_engine::{FinishedSpan, SpanKind, SpanSink, SpanValue};
use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind as OtelKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::WithHttpConfig;
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchSpanProcessor, SpanData, SpanProcessor};
use tokio::runtime::Handle;

use transport::Transport;

/// Sends spans to a collector, in batches. Give it to an engine as
/// [`EngineConfig::spans`](crate::EngineConfig::spans) and close it after the server has ended.
///
/// The standard's environment variables hold where nothing else is said: `OTEL_SERVICE_NAME` and
/// `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_BSP_*`.
#[derive(Clone)]
pub struct OtlpExporter {
    processor: Arc<BatchSpanProcessor>,
    scope: InstrumentationScope,
}

/// Why spans cannot be sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OtlpError {
    /// The endpoint is no plain HTTP URL.
    #[error("`{0}` is no http:// URL; for https, run a collector beside the server")]
    Endpoint(String),
    /// The exporter refused its settings.
    #[error("failed to set up the exporter of spans: {0}")]
    Exporter(#[from] ExporterBuildError),
}

impl OtlpExporter {
    /// Sends to `endpoint`, such as `http://127.0.0.1:4318`; `runtime` runs the requests.
    ///
    /// # Errors
    /// When the endpoint is no `http://` URL.
    pub fn open(endpoint: &str, runtime: Handle) -> Result<Self, OtlpError> {
        if !endpoint.starts_with("http://") {
            return Err(OtlpError::Endpoint(endpoint.to_owned()));
        }
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Transport::new(runtime))
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .build()?;
        let mut processor = BatchSpanProcessor::builder(exporter).build();
        processor.set_resource(&resource());
        let scope =
            InstrumentationScope::builder("everstep").with_version(env!("CARGO_PKG_VERSION"));
        Ok(Self { processor: Arc::new(processor), scope: scope.build() })
    }

    /// Sends what is left. Waits for the collector, a few seconds at most; nothing is taken
    /// afterwards.
    pub fn close(&self) {
        if let Err(error) = self.processor.shutdown() {
            tracing::warn!(%error, "spans were left behind");
        }
    }

    fn convert(&self, span: FinishedSpan) -> SpanData {
        let context = &span.context;
        let state = context.state().and_then(|state| state.parse::<TraceState>().ok());
        let span_context = SpanContext::new(
            TraceId::from_bytes(context.trace_id().to_be_bytes()),
            SpanId::from_bytes(context.span_id().to_be_bytes()),
            TraceFlags::SAMPLED,
            false,
            state.unwrap_or_default(),
        );
        let attributes = span.attributes.into_iter().map(|(name, value)| match value {
            SpanValue::Text(text) => KeyValue::new(name, text),
            SpanValue::Number(number) => KeyValue::new(name, number),
        });
        SpanData {
            span_context,
            parent_span_id: span.parent_id.map_or(SpanId::INVALID, SpanId::from),
            parent_span_is_remote: span.parent_id.is_some() && is_entry(span.kind),
            span_kind: OtelKind::Internal,
            name: format!("{} {}", span.kind.name(), span.name).into(),
            start_time: span.started_at,
            end_time: span.ended_at,
            attributes: attributes.collect(),
            dropped_attributes_count: 0,
            events: Default::default(),
            links: Default::default(),
            status: span.error.map_or(Status::Unset, Status::error),
            instrumentation_scope: self.scope.clone(),
        }
    }
}

/// Whether the span above it is somebody else's.
const fn is_entry(kind: SpanKind) -> bool {
    matches!(kind, SpanKind::Run | SpanKind::Signal | SpanKind::Update)
}

/// The service is `everstep` where the environment does not name it.
fn resource() -> Resource {
    let named = Resource::builder().build();
    let key = opentelemetry::Key::from_static_str("service.name");
    let name = named.get(&key).map(|name| name.to_string());
    match name {
        Some(name) if !name.starts_with("unknown_service") => named,
        _ => Resource::builder().with_service_name("everstep").build(),
    }
}

impl SpanSink for OtlpExporter {
    fn record(&self, span: FinishedSpan) {
        self.processor.on_end(self.convert(span));
    }
}

impl fmt::Debug for OtlpExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpExporter").finish_non_exhaustive()
    }
}
