package store

import "context"

// Plan is how the database goes about listing what is due.
func (s *SQL) Plan(ctx context.Context) (string, error) {
	explain, columns := "EXPLAIN QUERY PLAN ", 4 // of which the last says it
	if s.pg != nil {
		explain, columns = "EXPLAIN ", 1
	}
	plan := ""
	err := s.db().query(ctx, explain+dueCases, []any{int64(2), int64(0), "", int64(duePage)}, func(r rows) error {
		row := make([]any, columns)
		for i := range row {
			row[i] = new(any)
		}
		row[columns-1] = new(string)
		err := r.Scan(row...)
		plan += *row[columns-1].(*string) + "\n"
		return err
	})
	return plan, err
}
