package engine

import (
	"context"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// traced puts a span around each piece of work of one kind, so that what it asks of the model stands under it. Nothing
// is recorded unless the process set a tracer.
func traced[T ~string](kind string, work func(context.Context, T) error) func(context.Context, T) error {
	return func(ctx context.Context, name T) error {
		ctx, span := otel.Tracer("github.com/ubiquity-os-marketplace/daemon-hotfix").Start(ctx, kind)
		defer span.End()
		span.SetAttributes(attribute.String("hotfix."+map[bool]string{true: "notice", false: "case"}[kind == "triage"], string(name)))
		err := work(ctx, name)
		if err != nil {
			span.SetStatus(codes.Error, redact.Scrub(err.Error()).String())
		}
		return err
	}
}
