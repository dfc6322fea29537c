package metrics

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tmc/langchaingo/llms"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"

	// The version whose names for models are complete; later ones have left them out.
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	traceapi "go.opentelemetry.io/otel/trace"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model"
)

// scope names the spans of the daemon.
const scope = "github.com/ubiquity-os-marketplace/daemon-hotfix"

// Trace sends spans to the collector that OpenTelemetry's own variables name, until stop is called. Without one of
// them nothing is sent.
func Trace(ctx context.Context, version string, getenv func(string) string) (stop func(context.Context) error, err error) {
	if getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" {
		return func(context.Context) error { return nil }, nil
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("send traces: %w", err)
	}
	about := resource.NewWithAttributes(semconv.SchemaURL, semconv.ServiceName("daemon-hotfix"), semconv.ServiceVersion(version))
	provider := trace.NewTracerProvider(trace.WithBatcher(exporter), trace.WithResource(about))
	otel.SetTracerProvider(provider)
	return provider.Shutdown, nil
}

// Model counts and traces the questions to a model. What is asked and answered stays out of the spans: it may be
// long, and belongs to the transcript.
func (m *Metrics) Model(next agent.Model) agent.Model {
	name := "unknown"
	if n, ok := next.(interface{ Name() string }); ok {
		name = n.Name()
	}
	provider, _, _ := strings.Cut(name, ":") // as package model names them
	return &watched{next, m, name, provider}
}

type watched struct {
	next           agent.Model
	m              *Metrics
	name, provider string
}

// Name is the name of the model.
func (w *watched) Name() string { return w.name }

// GenerateContent asks the model.
func (w *watched) GenerateContent(ctx context.Context, messages []llms.MessageContent, options ...llms.CallOption) (*llms.ContentResponse, error) {
	ctx, span := otel.Tracer(scope).Start(ctx, "chat "+w.name, traceapi.WithSpanKind(traceapi.SpanKindClient), traceapi.WithAttributes(
		semconv.GenAIOperationNameChat, semconv.GenAIProviderNameKey.String(w.provider), semconv.GenAIRequestModel(w.name)))
	defer span.End()
	began := time.Now()
	resp, err := w.next.GenerateContent(ctx, messages, options...)
	result, u := "answered", model.Usage{}
	if err != nil {
		result = "failed"
		failed(span, err)
	} else {
		u = model.UsageOf(resp)
		span.SetAttributes(semconv.GenAIUsageInputTokens(u.In), semconv.GenAIUsageOutputTokens(u.Out))
		if u.Model != "" {
			span.SetAttributes(semconv.GenAIResponseModel(u.Model))
		}
		if reasons := stopped(resp); len(reasons) > 0 {
			span.SetAttributes(semconv.GenAIResponseFinishReasons(reasons...))
		}
	}
	w.m.observe(w.name, result, time.Since(began), u.In, u.Out, u.Cached)
	return resp, err
}

func stopped(resp *llms.ContentResponse) []string {
	var out []string
	for _, c := range resp.Choices {
		if c != nil && c.StopReason != "" {
			out = append(out, c.StopReason)
		}
	}
	return out
}
