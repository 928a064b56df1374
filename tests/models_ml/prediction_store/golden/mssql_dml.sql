SELECT model_runs.run_id
    FROM model_runs
    WHERE model_runs.status = ? AND model_runs.run_id != ?;

SELECT model_runs.run_id
    FROM model_runs
    WHERE model_runs.status = ? AND model_runs.run_id != ? AND ((EXISTS (SELECT *
    FROM run_series
    WHERE run_series.run_id = model_runs.run_id)) OR (EXISTS (SELECT *
    FROM run_nodes
    WHERE run_nodes.run_id = model_runs.run_id)) OR (EXISTS (SELECT *
    FROM run_metrics
    WHERE run_metrics.run_id = model_runs.run_id)));

SELECT model_runs.status, model_runs.forecast_rows, model_runs.checksum
    FROM model_runs
    WHERE model_runs.run_id = ?;

SELECT active_runs.store_id, active_runs.run_id
    FROM active_runs;

SELECT model_runs.run_id, model_runs.origin
    FROM model_runs
    WHERE model_runs.run_id IN (SELECT anon_2.value COLLATE Latin1_General_100_BIN2 AS anon_1
    FROM OPENJSON(?) AS anon_2) AND model_runs.origin > ? ORDER BY model_runs.origin DESC;

INSERT INTO model_runs (run_id, model, version, origin, horizon_days, scope, status, role, reason, created_at, published_at, git_commit, data_fingerprint, parameters, metrics, mlflow_run_id, series_count, forecast_rows, node_rows, checksum, step_days) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

DELETE FROM publish_claims WHERE publish_claims.run_id = ?;

INSERT INTO publish_claims (run_id, token, host, process_id, process_started, claimed_at, heartbeat_at, batches) VALUES (?, ?, ?, ?, ?, ?, ?, ?);

SELECT DISTINCT run_series.store_id
    FROM run_series
    WHERE run_series.run_id = ?;

UPDATE publish_claims SET heartbeat_at=? WHERE publish_claims.run_id = ? AND publish_claims.token = ?;

DELETE FROM node_contributions WHERE node_contributions.run_id = ?;

DELETE FROM backtest_nodes WHERE backtest_nodes.run_id = ?;

DELETE FROM node_forecasts WHERE node_forecasts.run_id = ?;

DELETE FROM node_history WHERE node_history.run_id = ?;

DELETE FROM node_period_forecasts WHERE node_period_forecasts.run_id = ?;

DELETE FROM override_effects WHERE override_effects.run_id = ?;

DELETE FROM override_node_units WHERE override_node_units.run_id = ?;

DELETE FROM backtest_leads WHERE backtest_leads.run_id = ?;

DELETE FROM run_metrics WHERE run_metrics.run_id = ?;

DELETE FROM run_features WHERE run_features.run_id = ?;

DELETE FROM department_elasticities WHERE department_elasticities.run_id = ?;

DELETE FROM scenario_events WHERE scenario_events.run_id = ?;

DELETE FROM run_series WHERE run_series.run_id = ?;

DELETE FROM run_nodes WHERE run_nodes.run_id = ?;

SELECT sales_history_days.store_id, sales_history_days.date, sales_history_days.checksum
    FROM sales_history_days
    WHERE sales_history_days.store_id IN (SELECT anon_2.value COLLATE Latin1_General_100_BIN2 AS anon_1
    FROM OPENJSON(?) AS anon_2);

UPDATE publish_claims SET heartbeat_at=?, batches=? WHERE publish_claims.run_id = ? AND publish_claims.token = ? AND publish_claims.batches = ?;

INSERT INTO run_series (run_id, store_id, item_id, department_id, category_id, region_id, price, units_last_28, demand_class, launch_date) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

INSERT INTO run_nodes (run_id, node_id, level, level_name, region_id, store_id, category_id, department_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?);

INSERT INTO forecasts (run_id, store_id, item_id, target_date, mean, q_0_005, q_0_025, q_0_165, q_0_25, q_0_5, q_0_75, q_0_835, q_0_975, q_0_995) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

INSERT INTO node_forecasts (run_id, node_id, target_date, mean, q_0_005, q_0_025, q_0_165, q_0_25, q_0_5, q_0_75, q_0_835, q_0_975, q_0_995) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

INSERT INTO node_period_forecasts (run_id, node_id, first_date, last_date, mean, q_0_005, q_0_025, q_0_165, q_0_25, q_0_5, q_0_75, q_0_835, q_0_975, q_0_995) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

INSERT INTO inventory_policy (run_id, store_id, item_id, lead_time_days, review_period_days, service_level, holding_cost, shortage_cost, expected_demand, safety_stock, reorder_point, order_up_to, expected_short, days_of_cover, mean_stock) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

INSERT INTO run_metrics (run_id, fold, model, level, metric, value) VALUES (?, ?, ?, ?, ?, ?);

INSERT INTO backtest_series (run_id, store_id, item_id, fold, model, rmsse, actual_units, forecast_units, absolute_error_units) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);

INSERT INTO backtest_nodes (run_id, node_id, fold, model, rmsse, actual_units, forecast_units, absolute_error_units) VALUES (?, ?, ?, ?, ?, ?, ?, ?);

INSERT INTO backtest_leads (run_id, fold, model, level, lead_days, actual_units, forecast_units, absolute_error_units) VALUES (?, ?, ?, ?, ?, ?, ?, ?);

INSERT INTO node_history (run_id, node_id, date, units) VALUES (?, ?, ?, ?);

INSERT INTO run_features (run_id, part, feature, family, importance) VALUES (?, ?, ?, ?, ?);

INSERT INTO department_elasticities (run_id, department_id, elasticity, elasticity_error, elasticity_low, elasticity_high, item_spread, items, own_estimates, price_changes, weeks) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

INSERT INTO scenario_series (run_id, store_id, item_id, price, lowest_ratio, highest_ratio, range_from, price_changes, own_estimate, elasticity, elasticity_low, elasticity_high, response_0_5, response_0_6, response_0_7, response_0_8, response_0_9, response_0_95, response_1_05, response_1_1, response_1_2, response_1_3, response_1_5) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

INSERT INTO scenario_flags (run_id, store_id, item_id, regressor, ratio, planned) VALUES (?, ?, ?, ?, ?, ?);

INSERT INTO scenario_events (run_id, store_id, department_id, event_name, offset_days, ratio, days_seen) VALUES (?, ?, ?, ?, ?, ?, ?);

INSERT INTO staged_sales_history (run_id, store_id, item_id, first_date, price, steps, width, units) VALUES (?, ?, ?, ?, ?, ?, ?, ?);

SELECT forecasts.store_id, count(*) AS count_1, sum(CAST(forecasts.mean * ? + ? AS BIGINT) % ?) AS sum_1, sum(CAST(forecasts.q_0_005 * ? + ? AS BIGINT) % ?) AS sum_2, sum(CAST(forecasts.q_0_025 * ? + ? AS BIGINT) % ?) AS sum_3, sum(CAST(forecasts.q_0_165 * ? + ? AS BIGINT) % ?) AS sum_4, sum(CAST(forecasts.q_0_25 * ? + ? AS BIGINT) % ?) AS sum_5, sum(CAST(forecasts.q_0_5 * ? + ? AS BIGINT) % ?) AS sum_6, sum(CAST(forecasts.q_0_75 * ? + ? AS BIGINT) % ?) AS sum_7, sum(CAST(forecasts.q_0_835 * ? + ? AS BIGINT) % ?) AS sum_8, sum(CAST(forecasts.q_0_975 * ? + ? AS BIGINT) % ?) AS sum_9, sum(CAST(forecasts.q_0_995 * ? + ? AS BIGINT) % ?) AS sum_10
    FROM forecasts
    WHERE forecasts.run_id = ? GROUP BY forecasts.store_id;

SELECT count(*) AS count_1, sum(CAST(node_forecasts.mean * ? + ? AS BIGINT) % ?) AS sum_1, sum(CAST(node_forecasts.q_0_005 * ? + ? AS BIGINT) % ?) AS sum_2, sum(CAST(node_forecasts.q_0_025 * ? + ? AS BIGINT) % ?) AS sum_3, sum(CAST(node_forecasts.q_0_165 * ? + ? AS BIGINT) % ?) AS sum_4, sum(CAST(node_forecasts.q_0_25 * ? + ? AS BIGINT) % ?) AS sum_5, sum(CAST(node_forecasts.q_0_5 * ? + ? AS BIGINT) % ?) AS sum_6, sum(CAST(node_forecasts.q_0_75 * ? + ? AS BIGINT) % ?) AS sum_7, sum(CAST(node_forecasts.q_0_835 * ? + ? AS BIGINT) % ?) AS sum_8, sum(CAST(node_forecasts.q_0_975 * ? + ? AS BIGINT) % ?) AS sum_9, sum(CAST(node_forecasts.q_0_995 * ? + ? AS BIGINT) % ?) AS sum_10
    FROM node_forecasts
    WHERE node_forecasts.run_id = ?;

SELECT count(*) AS count_1, sum(CAST(node_period_forecasts.mean * ? + ? AS BIGINT) % ?) AS sum_1, sum(CAST(node_period_forecasts.q_0_005 * ? + ? AS BIGINT) % ?) AS sum_2, sum(CAST(node_period_forecasts.q_0_025 * ? + ? AS BIGINT) % ?) AS sum_3, sum(CAST(node_period_forecasts.q_0_165 * ? + ? AS BIGINT) % ?) AS sum_4, sum(CAST(node_period_forecasts.q_0_25 * ? + ? AS BIGINT) % ?) AS sum_5, sum(CAST(node_period_forecasts.q_0_5 * ? + ? AS BIGINT) % ?) AS sum_6, sum(CAST(node_period_forecasts.q_0_75 * ? + ? AS BIGINT) % ?) AS sum_7, sum(CAST(node_period_forecasts.q_0_835 * ? + ? AS BIGINT) % ?) AS sum_8, sum(CAST(node_period_forecasts.q_0_975 * ? + ? AS BIGINT) % ?) AS sum_9, sum(CAST(node_period_forecasts.q_0_995 * ? + ? AS BIGINT) % ?) AS sum_10
    FROM node_period_forecasts
    WHERE node_period_forecasts.run_id = ?;

SELECT inventory_policy.store_id, count(*) AS count_1, sum(CAST(inventory_policy.lead_time_days * ? + ? AS BIGINT) % ?) AS sum_1, sum(CAST(inventory_policy.review_period_days * ? + ? AS BIGINT) % ?) AS sum_2, sum(CAST(inventory_policy.service_level * ? + ? AS BIGINT) % ?) AS sum_3, sum(CAST(inventory_policy.holding_cost * ? + ? AS BIGINT) % ?) AS sum_4, sum(CAST(inventory_policy.shortage_cost * ? + ? AS BIGINT) % ?) AS sum_5, sum(CAST(inventory_policy.expected_demand * ? + ? AS BIGINT) % ?) AS sum_6, sum(CAST(inventory_policy.reorder_point * ? + ? AS BIGINT) % ?) AS sum_7, sum(CAST(inventory_policy.order_up_to * ? + ? AS BIGINT) % ?) AS sum_8, sum(CAST(inventory_policy.expected_short * ? + ? AS BIGINT) % ?) AS sum_9, sum(CAST(inventory_policy.days_of_cover * ? + ? AS BIGINT) % ?) AS sum_10, sum(CAST(inventory_policy.mean_stock * ? + ? AS BIGINT) % ?) AS sum_11
    FROM inventory_policy
    WHERE inventory_policy.run_id = ? GROUP BY inventory_policy.store_id;

SELECT count(*) AS count_1
    FROM run_series
    WHERE run_series.run_id = ?;

SELECT count(*) AS count_1
    FROM run_nodes
    WHERE run_nodes.run_id = ?;

SELECT count(*) AS count_1
    FROM run_metrics
    WHERE run_metrics.run_id = ?;

SELECT count(*) AS count_1
    FROM backtest_series
    WHERE backtest_series.run_id = ?;

SELECT count(*) AS count_1
    FROM backtest_nodes
    WHERE backtest_nodes.run_id = ?;

SELECT count(*) AS count_1
    FROM backtest_leads
    WHERE backtest_leads.run_id = ?;

SELECT count(*) AS count_1
    FROM node_history
    WHERE node_history.run_id = ?;

SELECT count(*) AS count_1
    FROM run_features
    WHERE run_features.run_id = ?;

SELECT count(*) AS count_1
    FROM department_elasticities
    WHERE department_elasticities.run_id = ?;

SELECT count(*) AS count_1
    FROM scenario_series
    WHERE scenario_series.run_id = ?;

SELECT count(*) AS count_1
    FROM scenario_flags
    WHERE scenario_flags.run_id = ?;

SELECT count(*) AS count_1
    FROM scenario_events
    WHERE scenario_events.run_id = ?;

SELECT count(*) AS count_1
    FROM staged_sales_history
    WHERE staged_sales_history.run_id = ?;

SELECT TOP 5 run_series.store_id, run_series.item_id, anon_1.days, anon_1.first, anon_1.last
    FROM run_series LEFT OUTER JOIN (SELECT forecasts.store_id AS store_id, forecasts.item_id AS item_id, count(*) AS days, min(forecasts.target_date) AS first, max(forecasts.target_date) AS last
    FROM forecasts
    WHERE forecasts.run_id = ? GROUP BY forecasts.store_id, forecasts.item_id) AS anon_1 ON run_series.store_id = anon_1.store_id AND run_series.item_id = anon_1.item_id
    WHERE run_series.run_id = ? AND (anon_1.days IS NULL OR anon_1.days != ? OR anon_1.first != ? OR anon_1.last != ?) ORDER BY run_series.store_id, run_series.item_id;

SELECT TOP 5 run_nodes.node_id, anon_1.days, anon_1.first, anon_1.last
    FROM run_nodes LEFT OUTER JOIN (SELECT node_forecasts.node_id AS node_id, count(*) AS days, min(node_forecasts.target_date) AS first, max(node_forecasts.target_date) AS last
    FROM node_forecasts
    WHERE node_forecasts.run_id = ? GROUP BY node_forecasts.node_id) AS anon_1 ON run_nodes.node_id = anon_1.node_id
    WHERE run_nodes.run_id = ? AND (anon_1.days IS NULL OR anon_1.days != ? OR anon_1.first != ? OR anon_1.last != ?) ORDER BY run_nodes.node_id;

SELECT model_runs.status
    FROM model_runs
    WHERE model_runs.run_id = ?;

DELETE FROM publish_claims WHERE publish_claims.run_id = ? AND publish_claims.token = ?;

UPDATE model_runs SET status=?, published_at=?, series_count=?, forecast_rows=?, node_rows=?, checksum=? WHERE model_runs.run_id = ?;

INSERT INTO active_runs (store_id, run_id, activated_at) VALUES (?, ?, ?);

INSERT INTO activations (store_id, run_id, previous_run_id, activated_at, action, reason, author) OUTPUT inserted.id VALUES (?, ?, ?, ?, ?, ?, ?);

INSERT INTO webhook_events (event_id, action, run_id, stores, created_at, attempts) VALUES (?, ?, ?, ?, ?, ?);

SELECT max(sales_history.date) AS max_1
    FROM sales_history
    WHERE sales_history.store_id = ?;

SELECT sales_history_days.store_id, sales_history_days.date, sales_history_days.checksum
    FROM sales_history_days
    WHERE sales_history_days.store_id = ?;

DELETE FROM sales_history_days WHERE sales_history_days.store_id = ?;

DELETE FROM sales_history WHERE sales_history.store_id = ? AND (sales_history.date NOT IN (SELECT sales_history_days.date
    FROM sales_history_days
    WHERE sales_history_days.store_id = ?));

INSERT INTO sales_history (store_id, item_id, date, units, price) SELECT staged_sales_history.store_id, staged_sales_history.item_id, dateadd(day, CAST(anon_2.value AS INTEGER) * ?, staged_sales_history.first_date) AS anon_1, CAST(substring(staged_sales_history.units, CAST(anon_2.value AS INTEGER) * staged_sales_history.width + ?, staged_sales_history.width) AS FLOAT(53)) AS substring_1, staged_sales_history.price
    FROM staged_sales_history JOIN OPENJSON(?) AS anon_2 ON CAST(anon_2.value AS INTEGER) < staged_sales_history.steps
    WHERE staged_sales_history.run_id = ? AND staged_sales_history.store_id = ?;

INSERT INTO sales_history_days (store_id, date, checksum) VALUES (?, ?, ?);

DELETE FROM staged_sales_history WHERE staged_sales_history.run_id = ?;

SELECT calendar_days.date, calendar_days.weekday_name, calendar_days.event_name
    FROM calendar_days
    WHERE calendar_days.date BETWEEN ? AND ?;

INSERT INTO calendar_days (date, weekday_name, event_name) VALUES (?, ?, ?);

SELECT calendar_region_flags.date, calendar_region_flags.region_id, calendar_region_flags.regional_flag
    FROM calendar_region_flags
    WHERE calendar_region_flags.date BETWEEN ? AND ?;

INSERT INTO calendar_region_flags (date, region_id, regional_flag) VALUES (?, ?, ?);

UPDATE active_runs SET run_id=active_runs.run_id;

DELETE FROM override_effects WHERE override_effects.run_id IN (SELECT active_runs.run_id
    FROM active_runs);

DELETE FROM override_node_units WHERE override_node_units.run_id IN (SELECT active_runs.run_id
    FROM active_runs);

SELECT min(model_runs.origin) AS min_1, max(model_runs.origin) AS max_1, max(model_runs.horizon_days) AS max_2
    FROM model_runs
    WHERE model_runs.run_id IN (SELECT active_runs.run_id
    FROM active_runs);

SELECT overrides.override_id, overrides.node_id, overrides.kind, overrides.value, overrides.valid_from, overrides.valid_to
    FROM overrides
    WHERE overrides.revoked_at IS NULL AND overrides.valid_to >= ? AND overrides.valid_from <= ? ORDER BY overrides.override_id;

UPDATE active_runs SET run_id=?, activated_at=? WHERE active_runs.store_id = ? AND active_runs.run_id = ?;

SELECT activations.id, activations.store_id, activations.run_id, activations.previous_run_id, activations.activated_at, activations.action, activations.reason, activations.author
    FROM activations
    WHERE activations.previous_run_id = ? AND activations.action = ? OR activations.run_id = ? ORDER BY activations.id;

UPDATE model_runs SET status=?, reason=? WHERE model_runs.run_id = ? AND model_runs.status = ?;

UPDATE model_runs SET status=? WHERE model_runs.run_id = ? AND model_runs.status = ?;

DELETE FROM forecasts WHERE forecasts.run_id = ? AND forecasts.store_id = ?;

DELETE FROM inventory_policy WHERE inventory_policy.run_id = ? AND inventory_policy.store_id = ?;

DELETE FROM backtest_series WHERE backtest_series.run_id = ? AND backtest_series.store_id = ?;

DELETE FROM staged_sales_history WHERE staged_sales_history.run_id = ? AND staged_sales_history.store_id = ?;

DELETE FROM scenario_flags WHERE scenario_flags.run_id = ? AND scenario_flags.store_id = ?;

DELETE FROM scenario_series WHERE scenario_series.run_id = ? AND scenario_series.store_id = ?;

SELECT TOP 1 activations.previous_run_id
    FROM activations
    WHERE activations.store_id = ? AND activations.run_id = ? AND activations.action != ? ORDER BY activations.id DESC;

SELECT active_runs.store_id
    FROM active_runs
    WHERE active_runs.run_id = ?;

SELECT TOP 2 model_runs.run_id, model_runs.model, model_runs.version, model_runs.origin, model_runs.horizon_days, model_runs.scope, model_runs.status, model_runs.role, model_runs.reason, model_runs.created_at, model_runs.published_at, model_runs.git_commit, model_runs.data_fingerprint, model_runs.parameters, model_runs.metrics, model_runs.mlflow_run_id, model_runs.series_count, model_runs.forecast_rows, model_runs.node_rows, model_runs.checksum, model_runs.step_days
    FROM model_runs
    WHERE model_runs.run_id BETWEEN ? AND ? ORDER BY model_runs.run_id;

SELECT active_runs.store_id, active_runs.run_id, active_runs.activated_at
    FROM active_runs ORDER BY active_runs.store_id;

UPDATE model_runs SET role=?, reason=? WHERE model_runs.run_id = ? AND model_runs.status = ?;

SELECT TOP 50 model_runs.run_id, model_runs.model, model_runs.version, model_runs.origin, model_runs.horizon_days, model_runs.scope, model_runs.status, model_runs.role, model_runs.reason, model_runs.created_at, model_runs.published_at, model_runs.git_commit, model_runs.data_fingerprint, model_runs.parameters, model_runs.metrics, model_runs.mlflow_run_id, model_runs.series_count, model_runs.forecast_rows, model_runs.node_rows, model_runs.checksum, model_runs.step_days
    FROM model_runs
    WHERE model_runs.status = ? ORDER BY model_runs.created_at DESC, model_runs.run_id;

SELECT run_metrics.run_id, run_metrics.fold, run_metrics.model, run_metrics.level, run_metrics.metric, run_metrics.value
    FROM run_metrics
    WHERE run_metrics.run_id = ?;

SELECT run_series.store_id, run_series.item_id, run_series.department_id, run_series.category_id, run_series.region_id, run_series.price, run_series.units_last_28, run_series.demand_class, run_series.launch_date
    FROM run_series
    WHERE run_series.run_id = ? ORDER BY run_series.store_id, run_series.item_id;

SELECT run_nodes.node_id, run_nodes.level, run_nodes.level_name, run_nodes.region_id, run_nodes.store_id, run_nodes.category_id, run_nodes.department_id
    FROM run_nodes
    WHERE run_nodes.run_id = ? AND run_nodes.level = ? ORDER BY run_nodes.level, run_nodes.node_id;

SELECT forecasts.target_date, forecasts.mean, forecasts.q_0_005, forecasts.q_0_025, forecasts.q_0_165, forecasts.q_0_25, forecasts.q_0_5, forecasts.q_0_75, forecasts.q_0_835, forecasts.q_0_975, forecasts.q_0_995
    FROM forecasts
    WHERE forecasts.run_id = ? AND forecasts.store_id = ? AND forecasts.item_id = ? ORDER BY forecasts.target_date;

SELECT node_forecasts.target_date, node_forecasts.mean, node_forecasts.q_0_005, node_forecasts.q_0_025, node_forecasts.q_0_165, node_forecasts.q_0_25, node_forecasts.q_0_5, node_forecasts.q_0_75, node_forecasts.q_0_835, node_forecasts.q_0_975, node_forecasts.q_0_995
    FROM node_forecasts
    WHERE node_forecasts.run_id = ? AND node_forecasts.node_id = ? ORDER BY node_forecasts.target_date;

SELECT sales_history.date, sales_history.units, sales_history.price
    FROM sales_history
    WHERE sales_history.store_id = ? AND sales_history.item_id = ? AND sales_history.date > ? AND sales_history.date <= ? ORDER BY sales_history.date;

SELECT node_history.date, node_history.units
    FROM node_history
    WHERE node_history.run_id = ? AND node_history.node_id = ? ORDER BY node_history.date;

SELECT run_metrics.fold, run_metrics.model, run_metrics.level, run_metrics.metric, run_metrics.value
    FROM run_metrics
    WHERE run_metrics.run_id = ? ORDER BY run_metrics.fold, run_metrics.model, run_metrics.level, run_metrics.metric;

SELECT calendar_days.date, calendar_days.weekday_name, calendar_days.event_name
    FROM calendar_days
    WHERE calendar_days.date BETWEEN ? AND ? ORDER BY calendar_days.date;

SELECT calendar_region_flags.date, calendar_region_flags.regional_flag
    FROM calendar_region_flags
    WHERE calendar_region_flags.region_id = ? AND calendar_region_flags.date BETWEEN ? AND ? ORDER BY calendar_region_flags.date;

SELECT override_effects.run_id, override_effects.override_id, overrides.node_id, override_effects.target_date, override_effects.factor, override_effects.units_each
    FROM override_effects JOIN overrides ON overrides.override_id = override_effects.override_id
    WHERE override_effects.run_id = ? ORDER BY override_effects.run_id, override_effects.override_id;

SELECT run_series.item_id
    FROM run_series
    WHERE run_series.run_id = ? AND run_series.store_id = ? ORDER BY run_series.item_id;

SELECT run_series.store_id, run_series.item_id, run_series.department_id, run_series.category_id, run_series.region_id
    FROM run_series
    WHERE run_series.run_id = ? AND run_series.store_id = ? AND run_series.item_id IN (SELECT anon_2.value COLLATE Latin1_General_100_BIN2 AS anon_1
    FROM OPENJSON(?) AS anon_2) ORDER BY run_series.item_id;

SELECT forecasts.mean, forecasts.q_0_005, forecasts.q_0_025, forecasts.q_0_165, forecasts.q_0_25, forecasts.q_0_5, forecasts.q_0_75, forecasts.q_0_835, forecasts.q_0_975, forecasts.q_0_995
    FROM forecasts
    WHERE forecasts.run_id = ? AND forecasts.store_id = ? AND forecasts.item_id IN (SELECT anon_2.value COLLATE Latin1_General_100_BIN2 AS anon_1
    FROM OPENJSON(?) AS anon_2) ORDER BY forecasts.item_id, forecasts.target_date;

SELECT model_runs.run_id
    FROM model_runs
    WHERE model_runs.status = ? ORDER BY model_runs.published_at DESC, model_runs.run_id;

SELECT model_runs.run_id
    FROM model_runs
    WHERE model_runs.status = ? AND model_runs.reason = ?;

SELECT activations.previous_run_id
    FROM activations
    WHERE activations.previous_run_id = ? AND activations.activated_at > ?;

UPDATE model_runs SET status=?, reason=? WHERE model_runs.run_id = ?;

DELETE FROM model_runs WHERE model_runs.run_id = ? AND model_runs.status = ?;
