package metrics

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	traceapi "go.opentelemetry.io/otel/trace"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// Tool traces the calls of one of the model's tools. Arguments and results stay out of the spans, as they belong to the
// transcript.
func Tool(next agent.Tool) agent.Tool { return &tracedTool{next} }

type tracedTool struct{ agent.Tool }

// Call makes one call.
func (t *tracedTool) Call(ctx context.Context, args json.RawMessage) (agent.Result, error) {
	name := t.Definition().Name
	ctx, span := otel.Tracer(scope).Start(ctx, "execute_tool "+name, traceapi.WithAttributes(
		semconv.GenAIOperationNameExecuteTool, semconv.GenAIToolName(name), semconv.GenAIToolType("function")))
	defer span.End()
	r, err := t.Tool.Call(ctx, args)
	var mistake interface{ ForModel() string }
	switch {
	case errors.As(err, &mistake): // the model hears of it, and goes on
		span.SetAttributes(semconv.ErrorTypeKey.String("mistake"))
	case err != nil:
		failed(span, err)
	}
	return r, err
}

// Reads hands on what the tool says of itself.
func (t *tracedTool) Reads() bool {
	r, ok := t.Tool.(interface{ Reads() bool })
	return ok && r.Reads()
}

// Ends hands on what the tool says of itself.
func (t *tracedTool) Ends() bool {
	e, ok := t.Tool.(interface{ Ends() bool })
	return ok && e.Ends()
}

// Redo repeats the lasting effect of a call of a former run, where the tool has one.
func (t *tracedTool) Redo(ctx context.Context, c agent.Call) error {
	r, ok := t.Tool.(interface {
		Redo(context.Context, agent.Call) error
	})
	if !ok {
		return nil
	}
	return r.Redo(ctx, c)
}

// Box traces each command that runs in box, by the toolchain that it belongs to: the test runs of a proof stand below
// the call that asked for it.
func Box(box sandbox.Box) sandbox.Box { return tracedBox{box} }

type tracedBox struct{ next sandbox.Box }

// Run runs one command.
func (b tracedBox) Run(ctx context.Context, t *sandbox.Tree, c sandbox.Command) (sandbox.Result, error) {
	what := "command" // of the model's own, which may quote anything
	if c.Toolchain != nil {
		what = c.Toolchain.Name
	}
	ctx, span := otel.Tracer(scope).Start(ctx, "sandbox "+what)
	defer span.End()
	r, err := b.next.Run(ctx, t, c)
	if err != nil {
		failed(span, err)
		return r, err
	}
	span.SetAttributes(semconv.ProcessExitCode(r.Exit), attribute.String("hotfix.cause", r.Cause))
	return r, nil
}

func failed(span traceapi.Span, err error) {
	span.SetStatus(codes.Error, redact.Scrub(err.Error()).String())
}

// Correlated adds to each line of a log in which trace and span it was written, if it was in one.
func Correlated(next slog.Handler) slog.Handler { return correlated{next} }

type correlated struct{ slog.Handler }

// Handle writes one line.
func (c correlated) Handle(ctx context.Context, r slog.Record) error {
	if at := traceapi.SpanContextFromContext(ctx); at.IsValid() {
		r = r.Clone()
		r.AddAttrs(slog.String("trace_id", at.TraceID().String()), slog.String("span_id", at.SpanID().String()))
	}
	return c.Handler.Handle(ctx, r)
}

// WithAttrs is as slog.Handler says.
func (c correlated) WithAttrs(attrs []slog.Attr) slog.Handler {
	return correlated{c.Handler.WithAttrs(attrs)}
}

// WithGroup is as slog.Handler says.
func (c correlated) WithGroup(name string) slog.Handler {
	return correlated{c.Handler.WithGroup(name)}
}
