-- What the first page asks of fifty thousand cases is answered from an index alone.

-- +goose Up
DROP INDEX case_list_failures;
CREATE INDEX case_list_top ON case_list (failures, seen, fingerprint);
CREATE INDEX case_list_standing ON case_list (state, action, rule, failures);
CREATE INDEX case_list_plugin ON case_list (plugin, seen);

-- +goose Down
DROP INDEX case_list_plugin;
DROP INDEX case_list_standing;
DROP INDEX case_list_top;
CREATE INDEX case_list_failures ON case_list (failures);
