CREATE TABLE activations (
    id INTEGER NOT NULL IDENTITY,
    store_id NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    run_id NVARCHAR(40) COLLATE Latin1_General_100_BIN2 NOT NULL,
    previous_run_id NVARCHAR(40) COLLATE Latin1_General_100_BIN2 NULL,
    activated_at DATETIME2(6) NOT NULL,
    action NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    reason NVARCHAR(max) NULL,
    author NVARCHAR(200) NULL,
    CONSTRAINT pk_activations PRIMARY KEY (id),
    CONSTRAINT ck_activations_action CHECK (action in ('publish', 'promote', 'rollback'))
    );

CREATE INDEX ix_activations_store_id_id ON activations (store_id, id);

CREATE TABLE calendar_days (
    date DATE NOT NULL,
    weekday_name NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    event_name NVARCHAR(128) NULL,
    CONSTRAINT pk_calendar_days PRIMARY KEY (date)
    );

CREATE TABLE model_runs (
    run_id NVARCHAR(40) COLLATE Latin1_General_100_BIN2 NOT NULL,
    model NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    version NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    origin DATE NOT NULL,
    horizon_days INTEGER NOT NULL,
    scope NVARCHAR(max) NOT NULL,
    status NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    role NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    reason NVARCHAR(max) NULL,
    created_at DATETIME2(6) NOT NULL,
    published_at DATETIME2(6) NULL,
    git_commit NVARCHAR(64) NOT NULL,
    data_fingerprint NVARCHAR(128) NOT NULL,
    parameters NVARCHAR(max) NOT NULL,
    metrics NVARCHAR(max) NOT NULL,
    mlflow_run_id NVARCHAR(64) NULL,
    series_count INTEGER NOT NULL,
    forecast_rows INTEGER NOT NULL,
    node_rows INTEGER NOT NULL,
    checksum NVARCHAR(64) NULL,
    step_days SMALLINT NOT NULL DEFAULT '1',
    CONSTRAINT pk_model_runs PRIMARY KEY (run_id),
    CONSTRAINT ck_model_runs_status CHECK (status in ('running', 'published', 'failed')),
    CONSTRAINT ck_model_runs_role CHECK (role in ('champion', 'challenger')),
    CONSTRAINT ck_model_runs_horizon_days CHECK (horizon_days > 0),
    CONSTRAINT ck_model_runs_published CHECK (status <> 'published' or (published_at is not null and checksum is not null)),
    CONSTRAINT ck_model_runs_failed CHECK (status <> 'failed' or reason is not null)
    );

CREATE INDEX ix_model_runs_status_origin ON model_runs (status, origin);

CREATE TABLE monitor_alarms (
    alarm_id INTEGER NOT NULL IDENTITY,
    metric NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    subject NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NOT NULL,
    bad_weeks SMALLINT NOT NULL,
    weeks SMALLINT NOT NULL,
    last_week DATE NOT NULL,
    message NVARCHAR(max) NOT NULL,
    raised_at DATETIME2(6) NOT NULL,
    cleared_at DATETIME2(6) NULL,
    CONSTRAINT pk_monitor_alarms PRIMARY KEY (alarm_id),
    CONSTRAINT ck_monitor_alarms_weeks CHECK (bad_weeks between 1 and weeks)
    );

CREATE INDEX ix_monitor_alarms_cleared_at ON monitor_alarms (cleared_at);

CREATE TABLE monitor_results (
    result_id INTEGER NOT NULL IDENTITY,
    metric NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    subject NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NOT NULL,
    period_end DATE NOT NULL,
    run_id NVARCHAR(40) COLLATE Latin1_General_100_BIN2 NULL,
    value FLOAT(53) NOT NULL,
    low FLOAT(53) NULL,
    high FLOAT(53) NULL,
    bad SMALLINT NOT NULL,
    measured_at DATETIME2(6) NOT NULL,
    CONSTRAINT pk_monitor_results PRIMARY KEY (result_id),
    CONSTRAINT ck_monitor_results_bad CHECK (bad in (0, 1))
    );

CREATE INDEX ix_monitor_results_metric_subject_period_end ON monitor_results (metric, subject, period_end);

CREATE INDEX ix_monitor_results_period_end ON monitor_results (period_end);

CREATE TABLE order_decisions (
    decision_id INTEGER NOT NULL IDENTITY,
    creation_key NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    run_id NVARCHAR(40) COLLATE Latin1_General_100_BIN2 NOT NULL,
    store_id NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    item_id NVARCHAR(128) COLLATE Latin1_General_100_BIN2 NOT NULL,
    supplier_id NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NULL,
    decision NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    proposed_units INTEGER NOT NULL,
    units INTEGER NOT NULL,
    price FLOAT(53) NULL,
    order_date DATE NOT NULL,
    delivery_date DATE NOT NULL,
    author NVARCHAR(200) NOT NULL,
    decided_at DATETIME2(6) NOT NULL,
    CONSTRAINT pk_order_decisions PRIMARY KEY (decision_id),
    CONSTRAINT ck_order_decisions_decision CHECK (decision in ('accepted', 'changed', 'rejected')),
    CONSTRAINT ck_order_decisions_units CHECK (proposed_units >= 0 and units between 0 and 1000000000 and (decision <> 'rejected' or units = 0) and (decision <> 'accepted' or units = proposed_units)),
    CONSTRAINT ck_order_decisions_dates CHECK (order_date <= delivery_date)
    );

CREATE UNIQUE INDEX ix_order_decisions_creation_key ON order_decisions (creation_key);

CREATE INDEX ix_order_decisions_store_id ON order_decisions (store_id, item_id, order_date);

CREATE TABLE overrides (
    override_id INTEGER NOT NULL IDENTITY,
    creation_key NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    node_id NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NOT NULL,
    level SMALLINT NOT NULL,
    kind NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    value FLOAT(53) NOT NULL,
    valid_from DATE NOT NULL,
    valid_to DATE NOT NULL,
    reason NVARCHAR(1000) NOT NULL,
    author NVARCHAR(200) NOT NULL,
    created_at DATETIME2(6) NOT NULL,
    revoked_at DATETIME2(6) NULL,
    revoked_by NVARCHAR(200) NULL,
    revoked_reason NVARCHAR(1000) NULL,
    CONSTRAINT pk_overrides PRIMARY KEY (override_id),
    CONSTRAINT ck_overrides_kind CHECK (kind in ('percent', 'absolute')),
    CONSTRAINT ck_overrides_level CHECK (level between 1 and 12),
    CONSTRAINT ck_overrides_value CHECK ((kind = 'percent' and value between -100 and 1000) or (kind = 'absolute' and value between 0 and 1000000000)),
    CONSTRAINT ck_overrides_validity CHECK (valid_from <= valid_to),
    CONSTRAINT ck_overrides_revoked CHECK ((revoked_at is null and revoked_by is null and revoked_reason is null) or (revoked_at is not null and revoked_by is not null and revoked_reason is not null))
    );

CREATE UNIQUE INDEX ix_overrides_creation_key ON overrides (creation_key);

CREATE INDEX ix_overrides_node_id ON overrides (node_id);

CREATE TABLE quality_results (
    check_id INTEGER NOT NULL IDENTITY,
    run_id NVARCHAR(40) COLLATE Latin1_General_100_BIN2 NULL,
    suite NVARCHAR(128) NOT NULL,
    dataset NVARCHAR(128) NOT NULL,
    expectation NVARCHAR(255) NOT NULL,
    severity NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    success SMALLINT NOT NULL,
    observed NVARCHAR(max) NULL,
    checked_at DATETIME2(6) NOT NULL,
    CONSTRAINT pk_quality_results PRIMARY KEY (check_id),
    CONSTRAINT ck_quality_results_severity CHECK (severity in ('error', 'warning')),
    CONSTRAINT ck_quality_results_success CHECK (success in (0, 1))
    );

CREATE INDEX ix_quality_results_checked_at ON quality_results (checked_at);

CREATE INDEX ix_quality_results_run_id ON quality_results (run_id);

CREATE TABLE sales_history (
    store_id NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    item_id NVARCHAR(128) COLLATE Latin1_General_100_BIN2 NOT NULL,
    date DATE NOT NULL,
    units FLOAT(53) NOT NULL,
    price FLOAT(53) NULL,
    CONSTRAINT pk_sales_history PRIMARY KEY (store_id, item_id, date),
    CONSTRAINT ck_sales_history_units CHECK (units >= 0 and units <= 1000000000),
    CONSTRAINT ck_sales_history_price CHECK (price >= 0)
    );

CREATE TABLE sales_history_days (
    store_id NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    date DATE NOT NULL,
    checksum BIGINT NOT NULL,
    CONSTRAINT pk_sales_history_days PRIMARY KEY (store_id, date)
    );

CREATE TABLE stock (
    store_id NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    item_id NVARCHAR(128) COLLATE Latin1_General_100_BIN2 NOT NULL,
    as_of_date DATE NOT NULL,
    on_hand FLOAT(53) NOT NULL,
    author NVARCHAR(200) NOT NULL,
    stored_at DATETIME2(6) NOT NULL,
    CONSTRAINT pk_stock PRIMARY KEY (store_id, item_id),
    CONSTRAINT ck_stock_on_hand CHECK (on_hand between 0 and 1000000000)
    );

CREATE TABLE supply (
    store_id NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    department_id NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    item_id NVARCHAR(128) COLLATE Latin1_General_100_BIN2 NOT NULL,
    supplier_id NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NULL,
    lead_time_days SMALLINT NULL,
    order_weekdays SMALLINT NULL,
    delivery_weekdays SMALLINT NULL,
    pack_size INTEGER NULL,
    minimum_order INTEGER NULL,
    shelf_life_days SMALLINT NULL,
    author NVARCHAR(200) NOT NULL,
    stored_at DATETIME2(6) NOT NULL,
    CONSTRAINT pk_supply PRIMARY KEY (store_id, department_id, item_id),
    CONSTRAINT ck_supply_lead_time_days CHECK (lead_time_days >= 0),
    CONSTRAINT ck_supply_order_weekdays CHECK (order_weekdays between 1 and 127),
    CONSTRAINT ck_supply_delivery_weekdays CHECK (delivery_weekdays between 1 and 127),
    CONSTRAINT ck_supply_pack_size CHECK (pack_size >= 1),
    CONSTRAINT ck_supply_minimum_order CHECK (minimum_order >= 0),
    CONSTRAINT ck_supply_shelf_life_days CHECK (shelf_life_days >= 1)
    );

CREATE TABLE webhook_events (
    event_id NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    action NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    run_id NVARCHAR(40) COLLATE Latin1_General_100_BIN2 NOT NULL,
    stores NVARCHAR(max) NOT NULL,
    created_at DATETIME2(6) NOT NULL,
    attempts INTEGER NOT NULL,
    delivered_at DATETIME2(6) NULL,
    last_error NVARCHAR(1000) NULL,
    CONSTRAINT pk_webhook_events PRIMARY KEY (event_id),
    CONSTRAINT ck_webhook_events_action CHECK (action in ('publish', 'promote', 'rollback')),
    CONSTRAINT ck_webhook_events_attempts CHECK (attempts >= 0)
    );

CREATE TABLE active_runs (
    store_id NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    run_id NVARCHAR(40) COLLATE Latin1_General_100_BIN2 NOT NULL,
    activated_at DATETIME2(6) NOT NULL,
    CONSTRAINT pk_active_runs PRIMARY KEY (store_id),
    CONSTRAINT fk_active_runs_model_runs FOREIGN KEY(run_id) REFERENCES model_runs (run_id)
    );

CREATE INDEX ix_active_runs_run_id ON active_runs (run_id);

CREATE TABLE backtest_leads (
    run_id NVARCHAR(40) COLLATE Latin1_General_100_BIN2 NOT NULL,
    fold DATE NOT NULL,
    model NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    level SMALLINT NOT NULL,
    lead_days SMALLINT NOT NULL,
    actual_units FLOAT(53) NOT NULL,
    forecast_units FLOAT(53) NOT NULL,
    absolute_error_units FLOAT(53) NOT NULL,
    CONSTRAINT pk_backtest_leads PRIMARY KEY (run_id, fold, model, level, lead_days),
    CONSTRAINT fk_backtest_leads_model_runs FOREIGN KEY(run_id) REFERENCES model_runs (run_id),
    CONSTRAINT ck_backtest_leads_level CHECK (level between 1 and 12),
    CONSTRAINT ck_backtest_leads_lead_days CHECK (lead_days > 0),
    CONSTRAINT ck_backtest_leads_units CHECK (actual_units >= 0 and forecast_units >= 0 and absolute_error_units >= 0 and abs(forecast_units - actual_units) <= absolute_error_units * 1.001 + 0.001)
    );

CREATE TABLE calendar_region_flags (
    date DATE NOT NULL,
    region_id NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    regional_flag SMALLINT NOT NULL,
    CONSTRAINT pk_calendar_region_flags PRIMARY KEY (date, region_id),
    CONSTRAINT fk_calendar_region_flags_calendar_days FOREIGN KEY(date) REFERENCES calendar_days (date),
    CONSTRAINT ck_calendar_region_flags_regional_flag CHECK (regional_flag in (0, 1))
    );

CREATE TABLE department_elasticities (
    run_id NVARCHAR(40) COLLATE Latin1_General_100_BIN2 NOT NULL,
    department_id NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    elasticity FLOAT(53) NULL,
    elasticity_error FLOAT(53) NULL,
    elasticity_low FLOAT(53) NULL,
    elasticity_high FLOAT(53) NULL,
    item_spread FLOAT(53) NULL,
    items INTEGER NOT NULL,
    own_estimates INTEGER NOT NULL,
    price_changes INTEGER NOT NULL,
    weeks INTEGER NOT NULL,
    CONSTRAINT pk_department_elasticities PRIMARY KEY (run_id, department_id),
    CONSTRAINT fk_department_elasticities_model_runs FOREIGN KEY(run_id) REFERENCES model_runs (run_id),
    CONSTRAINT ck_department_elasticities_elasticity CHECK (elasticity_low <= elasticity and elasticity <= elasticity_high)
    );

CREATE TABLE override_effects (
    run_id NVARCHAR(40) COLLATE Latin1_General_100_BIN2 NOT NULL,
    override_id INTEGER NOT NULL,
    target_date DATE NOT NULL,
    factor FLOAT(53) NULL,
    units_each FLOAT(53) NULL,
    CONSTRAINT pk_override_effects PRIMARY KEY (run_id, override_id, target_date),
    CONSTRAINT fk_override_effects_model_runs FOREIGN KEY(run_id) REFERENCES model_runs (run_id),
    CONSTRAINT fk_override_effects_overrides FOREIGN KEY(override_id) REFERENCES overrides (override_id),
    CONSTRAINT ck_override_effects_effect CHECK ((factor >= 0 and units_each is null) or (factor is null and units_each >= 0))
    );

CREATE TABLE publish_claims (
    run_id NVARCHAR(40) COLLATE Latin1_General_100_BIN2 NOT NULL,
    token NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    host NVARCHAR(255) NOT NULL,
    process_id INTEGER NOT NULL,
    process_started NVARCHAR(64) NOT NULL,
    claimed_at DATETIME2(6) NOT NULL,
    heartbeat_at DATETIME2(6) NOT NULL,
    batches INTEGER NOT NULL,
    CONSTRAINT pk_publish_claims PRIMARY KEY (run_id),
    CONSTRAINT fk_publish_claims_model_runs FOREIGN KEY(run_id) REFERENCES model_runs (run_id)
    );

CREATE TABLE run_features (
    run_id NVARCHAR(40) COLLATE Latin1_General_100_BIN2 NOT NULL,
    part NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    feature NVARCHAR(128) COLLATE Latin1_General_100_BIN2 NOT NULL,
    family NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    importance FLOAT(53) NOT NULL,
    CONSTRAINT pk_run_features PRIMARY KEY (run_id, part, feature),
    CONSTRAINT fk_run_features_model_runs FOREIGN KEY(run_id) REFERENCES model_runs (run_id),
    CONSTRAINT ck_run_features_importance CHECK (importance >= 0)
    );

CREATE TABLE run_metrics (
    run_id NVARCHAR(40) COLLATE Latin1_General_100_BIN2 NOT NULL,
    fold DATE NOT NULL,
    model NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    level SMALLINT NOT NULL,
    metric NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    value FLOAT(53) NOT NULL,
    CONSTRAINT pk_run_metrics PRIMARY KEY (run_id, fold, model, level, metric),
    CONSTRAINT fk_run_metrics_model_runs FOREIGN KEY(run_id) REFERENCES model_runs (run_id),
    CONSTRAINT ck_run_metrics_level CHECK (level between 0 and 12)
    );

CREATE TABLE run_nodes (
    run_id NVARCHAR(40) COLLATE Latin1_General_100_BIN2 NOT NULL,
    node_id NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NOT NULL,
    level SMALLINT NOT NULL,
    level_name NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    region_id NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NULL,
    store_id NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NULL,
    category_id NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NULL,
    department_id NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NULL,
    CONSTRAINT pk_run_nodes PRIMARY KEY (run_id, node_id),
    CONSTRAINT fk_run_nodes_model_runs FOREIGN KEY(run_id) REFERENCES model_runs (run_id),
    CONSTRAINT ck_run_nodes_level CHECK (level between 1 and 9),
    CONSTRAINT ck_run_nodes_level_name CHECK (level_name in ('total', 'region', 'store', 'category', 'department', 'region_category', 'region_department', 'store_category', 'store_department'))
    );

CREATE INDEX ix_run_nodes_level ON run_nodes (run_id, level, node_id);

CREATE TABLE run_series (
    run_id NVARCHAR(40) COLLATE Latin1_General_100_BIN2 NOT NULL,
    store_id NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    item_id NVARCHAR(128) COLLATE Latin1_General_100_BIN2 NOT NULL,
    department_id NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    category_id NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    region_id NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    price FLOAT(53) NULL,
    units_last_28 FLOAT(53) NOT NULL,
    demand_class NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    launch_date DATE NULL,
    CONSTRAINT pk_run_series PRIMARY KEY (run_id, store_id, item_id),
    CONSTRAINT fk_run_series_model_runs FOREIGN KEY(run_id) REFERENCES model_runs (run_id),
    CONSTRAINT ck_run_series_price CHECK (price >= 0),
    CONSTRAINT ck_run_series_units_last_28 CHECK (units_last_28 >= 0),
    CONSTRAINT ck_run_series_demand_class CHECK (demand_class in ('smooth', 'erratic', 'intermittent', 'lumpy', 'new'))
    );

CREATE INDEX ix_run_series_department ON run_series (run_id, department_id, store_id, item_id);

CREATE INDEX ix_run_series_item ON run_series (run_id, item_id, store_id);

CREATE INDEX ix_run_series_volume ON run_series (run_id, units_last_28, store_id, item_id);

CREATE TABLE scenario_events (
    run_id NVARCHAR(40) COLLATE Latin1_General_100_BIN2 NOT NULL,
    store_id NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    department_id NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    event_name NVARCHAR(128) COLLATE Latin1_General_100_BIN2 NOT NULL,
    offset_days SMALLINT NOT NULL,
    ratio FLOAT(53) NOT NULL,
    days_seen INTEGER NOT NULL,
    CONSTRAINT pk_scenario_events PRIMARY KEY (run_id, store_id, department_id, event_name, offset_days),
    CONSTRAINT fk_scenario_events_model_runs FOREIGN KEY(run_id) REFERENCES model_runs (run_id),
    CONSTRAINT ck_scenario_events_ratio CHECK (ratio >= 0)
    );

CREATE TABLE stock_arrivals (
    store_id NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    item_id NVARCHAR(128) COLLATE Latin1_General_100_BIN2 NOT NULL,
    arrival_date DATE NOT NULL,
    units FLOAT(53) NOT NULL,
    CONSTRAINT pk_stock_arrivals PRIMARY KEY (store_id, item_id, arrival_date),
    CONSTRAINT fk_stock_arrivals_stock FOREIGN KEY(store_id, item_id) REFERENCES stock (store_id, item_id),
    CONSTRAINT ck_stock_arrivals_units CHECK (units > 0 and units <= 1000000000)
    );

CREATE TABLE backtest_nodes (
    run_id NVARCHAR(40) COLLATE Latin1_General_100_BIN2 NOT NULL,
    node_id NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NOT NULL,
    fold DATE NOT NULL,
    model NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    rmsse FLOAT(53) NULL,
    actual_units FLOAT(53) NOT NULL,
    forecast_units FLOAT(53) NOT NULL,
    absolute_error_units FLOAT(53) NOT NULL,
    CONSTRAINT pk_backtest_nodes PRIMARY KEY (run_id, node_id, fold, model),
    CONSTRAINT fk_backtest_nodes_run_nodes FOREIGN KEY(run_id, node_id) REFERENCES run_nodes (run_id, node_id),
    CONSTRAINT ck_backtest_nodes_rmsse CHECK (rmsse >= 0),
    CONSTRAINT ck_backtest_nodes_units CHECK (actual_units >= 0 and forecast_units >= 0 and absolute_error_units >= 0 and abs(forecast_units - actual_units) <= absolute_error_units * 1.001 + 0.001)
    );

CREATE TABLE backtest_series (
    run_id NVARCHAR(40) COLLATE Latin1_General_100_BIN2 NOT NULL,
    store_id NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    item_id NVARCHAR(128) COLLATE Latin1_General_100_BIN2 NOT NULL,
    fold DATE NOT NULL,
    model NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    rmsse FLOAT(53) NULL,
    actual_units FLOAT(53) NOT NULL,
    forecast_units FLOAT(53) NOT NULL,
    absolute_error_units FLOAT(53) NOT NULL,
    CONSTRAINT pk_backtest_series PRIMARY KEY (run_id, store_id, item_id, fold, model),
    CONSTRAINT fk_backtest_series_run_series FOREIGN KEY(run_id, store_id, item_id) REFERENCES run_series (run_id, store_id, item_id),
    CONSTRAINT ck_backtest_series_rmsse CHECK (rmsse >= 0),
    CONSTRAINT ck_backtest_series_units CHECK (actual_units >= 0 and forecast_units >= 0 and absolute_error_units >= 0 and abs(forecast_units - actual_units) <= absolute_error_units * 1.001 + 0.001)
    );

CREATE INDEX ix_backtest_series_rmsse ON backtest_series (run_id, fold, model, rmsse);

CREATE TABLE forecasts (
    run_id NVARCHAR(40) COLLATE Latin1_General_100_BIN2 NOT NULL,
    store_id NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    item_id NVARCHAR(128) COLLATE Latin1_General_100_BIN2 NOT NULL,
    target_date DATE NOT NULL,
    mean FLOAT(53) NOT NULL,
    q_0_005 FLOAT(53) NULL,
    q_0_025 FLOAT(53) NULL,
    q_0_165 FLOAT(53) NULL,
    q_0_25 FLOAT(53) NULL,
    q_0_5 FLOAT(53) NULL,
    q_0_75 FLOAT(53) NULL,
    q_0_835 FLOAT(53) NULL,
    q_0_975 FLOAT(53) NULL,
    q_0_995 FLOAT(53) NULL,
    CONSTRAINT pk_forecasts PRIMARY KEY (run_id, store_id, item_id, target_date),
    CONSTRAINT fk_forecasts_run_series FOREIGN KEY(run_id, store_id, item_id) REFERENCES run_series (run_id, store_id, item_id),
    CONSTRAINT ck_forecasts_mean CHECK (mean >= 0 and mean <= 1000000000),
    CONSTRAINT ck_forecasts_quantiles CHECK ((q_0_005 is null and q_0_025 is null and q_0_165 is null and q_0_25 is null and q_0_5 is null and q_0_75 is null and q_0_835 is null and q_0_975 is null and q_0_995 is null) or (q_0_005 is not null and q_0_025 is not null and q_0_165 is not null and q_0_25 is not null and q_0_5 is not null and q_0_75 is not null and q_0_835 is not null and q_0_975 is not null and q_0_995 is not null and 0 <= q_0_005 and q_0_005 <= q_0_025 and q_0_025 <= q_0_165 and q_0_165 <= q_0_25 and q_0_25 <= q_0_5 and q_0_5 <= q_0_75 and q_0_75 <= q_0_835 and q_0_835 <= q_0_975 and q_0_975 <= q_0_995 and q_0_995 <= 1000000000))
    );

CREATE TABLE inventory_policy (
    run_id NVARCHAR(40) COLLATE Latin1_General_100_BIN2 NOT NULL,
    store_id NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    item_id NVARCHAR(128) COLLATE Latin1_General_100_BIN2 NOT NULL,
    lead_time_days SMALLINT NOT NULL,
    review_period_days SMALLINT NOT NULL,
    service_level FLOAT(53) NOT NULL,
    holding_cost FLOAT(53) NOT NULL,
    shortage_cost FLOAT(53) NOT NULL,
    expected_demand FLOAT(53) NOT NULL,
    safety_stock FLOAT(53) NOT NULL,
    reorder_point INTEGER NOT NULL,
    order_up_to INTEGER NOT NULL,
    expected_short FLOAT(53) NOT NULL,
    days_of_cover FLOAT(53) NOT NULL,
    mean_stock FLOAT(53) NOT NULL,
    CONSTRAINT pk_inventory_policy PRIMARY KEY (run_id, store_id, item_id),
    CONSTRAINT fk_inventory_policy_run_series FOREIGN KEY(run_id, store_id, item_id) REFERENCES run_series (run_id, store_id, item_id),
    CONSTRAINT ck_inventory_policy_interval CHECK (lead_time_days >= 0 and review_period_days >= 1),
    CONSTRAINT ck_inventory_policy_service_level CHECK (service_level > 0 and service_level < 1),
    CONSTRAINT ck_inventory_policy_costs CHECK (holding_cost >= 0 and shortage_cost >= 0),
    CONSTRAINT ck_inventory_policy_levels CHECK (reorder_point >= 0 and order_up_to >= reorder_point and order_up_to <= 1000000000),
    CONSTRAINT ck_inventory_policy_safety_stock CHECK (abs(order_up_to - expected_demand - safety_stock) <= 0.001),
    CONSTRAINT ck_inventory_policy_demand CHECK (expected_demand >= 0 and expected_short >= 0 and expected_short <= expected_demand * 1.001 + 0.001),
    CONSTRAINT ck_inventory_policy_stock CHECK (days_of_cover >= 0 and mean_stock >= 0 and mean_stock <= order_up_to)
    );

CREATE TABLE node_contributions (
    run_id NVARCHAR(40) COLLATE Latin1_General_100_BIN2 NOT NULL,
    node_id NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NOT NULL,
    target_date DATE NOT NULL,
    family NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    units FLOAT(53) NOT NULL,
    CONSTRAINT pk_node_contributions PRIMARY KEY (run_id, node_id, target_date, family),
    CONSTRAINT fk_node_contributions_run_nodes FOREIGN KEY(run_id, node_id) REFERENCES run_nodes (run_id, node_id),
    CONSTRAINT ck_node_contributions_units CHECK (abs(units) <= 1000000000)
    );

CREATE TABLE node_forecasts (
    run_id NVARCHAR(40) COLLATE Latin1_General_100_BIN2 NOT NULL,
    node_id NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NOT NULL,
    target_date DATE NOT NULL,
    mean FLOAT(53) NOT NULL,
    q_0_005 FLOAT(53) NULL,
    q_0_025 FLOAT(53) NULL,
    q_0_165 FLOAT(53) NULL,
    q_0_25 FLOAT(53) NULL,
    q_0_5 FLOAT(53) NULL,
    q_0_75 FLOAT(53) NULL,
    q_0_835 FLOAT(53) NULL,
    q_0_975 FLOAT(53) NULL,
    q_0_995 FLOAT(53) NULL,
    CONSTRAINT pk_node_forecasts PRIMARY KEY (run_id, node_id, target_date),
    CONSTRAINT fk_node_forecasts_run_nodes FOREIGN KEY(run_id, node_id) REFERENCES run_nodes (run_id, node_id),
    CONSTRAINT ck_node_forecasts_mean CHECK (mean >= 0 and mean <= 1000000000),
    CONSTRAINT ck_node_forecasts_quantiles CHECK ((q_0_005 is null and q_0_025 is null and q_0_165 is null and q_0_25 is null and q_0_5 is null and q_0_75 is null and q_0_835 is null and q_0_975 is null and q_0_995 is null) or (q_0_005 is not null and q_0_025 is not null and q_0_165 is not null and q_0_25 is not null and q_0_5 is not null and q_0_75 is not null and q_0_835 is not null and q_0_975 is not null and q_0_995 is not null and 0 <= q_0_005 and q_0_005 <= q_0_025 and q_0_025 <= q_0_165 and q_0_165 <= q_0_25 and q_0_25 <= q_0_5 and q_0_5 <= q_0_75 and q_0_75 <= q_0_835 and q_0_835 <= q_0_975 and q_0_975 <= q_0_995 and q_0_995 <= 1000000000))
    );

CREATE TABLE node_history (
    run_id NVARCHAR(40) COLLATE Latin1_General_100_BIN2 NOT NULL,
    node_id NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NOT NULL,
    date DATE NOT NULL,
    units FLOAT(53) NOT NULL,
    CONSTRAINT pk_node_history PRIMARY KEY (run_id, node_id, date),
    CONSTRAINT fk_node_history_run_nodes FOREIGN KEY(run_id, node_id) REFERENCES run_nodes (run_id, node_id),
    CONSTRAINT ck_node_history_units CHECK (units >= 0)
    );

CREATE TABLE node_period_forecasts (
    run_id NVARCHAR(40) COLLATE Latin1_General_100_BIN2 NOT NULL,
    node_id NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NOT NULL,
    first_date DATE NOT NULL,
    last_date DATE NOT NULL,
    mean FLOAT(53) NOT NULL,
    q_0_005 FLOAT(53) NULL,
    q_0_025 FLOAT(53) NULL,
    q_0_165 FLOAT(53) NULL,
    q_0_25 FLOAT(53) NULL,
    q_0_5 FLOAT(53) NULL,
    q_0_75 FLOAT(53) NULL,
    q_0_835 FLOAT(53) NULL,
    q_0_975 FLOAT(53) NULL,
    q_0_995 FLOAT(53) NULL,
    CONSTRAINT pk_node_period_forecasts PRIMARY KEY (run_id, node_id, first_date, last_date),
    CONSTRAINT fk_node_period_forecasts_run_nodes FOREIGN KEY(run_id, node_id) REFERENCES run_nodes (run_id, node_id),
    CONSTRAINT ck_node_period_forecasts_period CHECK (first_date <= last_date),
    CONSTRAINT ck_node_period_forecasts_mean CHECK (mean >= 0 and mean <= 1000000000),
    CONSTRAINT ck_node_period_forecasts_quantiles CHECK ((q_0_005 is null and q_0_025 is null and q_0_165 is null and q_0_25 is null and q_0_5 is null and q_0_75 is null and q_0_835 is null and q_0_975 is null and q_0_995 is null) or (q_0_005 is not null and q_0_025 is not null and q_0_165 is not null and q_0_25 is not null and q_0_5 is not null and q_0_75 is not null and q_0_835 is not null and q_0_975 is not null and q_0_995 is not null and 0 <= q_0_005 and q_0_005 <= q_0_025 and q_0_025 <= q_0_165 and q_0_165 <= q_0_25 and q_0_25 <= q_0_5 and q_0_5 <= q_0_75 and q_0_75 <= q_0_835 and q_0_835 <= q_0_975 and q_0_975 <= q_0_995 and q_0_995 <= 1000000000))
    );

CREATE TABLE override_node_units (
    run_id NVARCHAR(40) COLLATE Latin1_General_100_BIN2 NOT NULL,
    node_id NVARCHAR(200) COLLATE Latin1_General_100_BIN2 NOT NULL,
    target_date DATE NOT NULL,
    added_units FLOAT(53) NOT NULL,
    CONSTRAINT pk_override_node_units PRIMARY KEY (run_id, node_id, target_date),
    CONSTRAINT fk_override_node_units_run_nodes FOREIGN KEY(run_id, node_id) REFERENCES run_nodes (run_id, node_id)
    );

CREATE TABLE scenario_flags (
    run_id NVARCHAR(40) COLLATE Latin1_General_100_BIN2 NOT NULL,
    store_id NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    item_id NVARCHAR(128) COLLATE Latin1_General_100_BIN2 NOT NULL,
    regressor NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    ratio FLOAT(53) NOT NULL,
    planned NVARCHAR(400) NOT NULL,
    CONSTRAINT pk_scenario_flags PRIMARY KEY (run_id, store_id, item_id, regressor),
    CONSTRAINT fk_scenario_flags_run_series FOREIGN KEY(run_id, store_id, item_id) REFERENCES run_series (run_id, store_id, item_id),
    CONSTRAINT ck_scenario_flags_ratio CHECK (ratio >= 0)
    );

CREATE TABLE scenario_series (
    run_id NVARCHAR(40) COLLATE Latin1_General_100_BIN2 NOT NULL,
    store_id NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    item_id NVARCHAR(128) COLLATE Latin1_General_100_BIN2 NOT NULL,
    price FLOAT(53) NOT NULL,
    lowest_ratio FLOAT(53) NOT NULL,
    highest_ratio FLOAT(53) NOT NULL,
    range_from NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    price_changes INTEGER NOT NULL,
    own_estimate SMALLINT NOT NULL,
    elasticity FLOAT(53) NULL,
    elasticity_low FLOAT(53) NULL,
    elasticity_high FLOAT(53) NULL,
    response_0_5 FLOAT(53) NULL,
    response_0_6 FLOAT(53) NULL,
    response_0_7 FLOAT(53) NULL,
    response_0_8 FLOAT(53) NULL,
    response_0_9 FLOAT(53) NULL,
    response_0_95 FLOAT(53) NULL,
    response_1_05 FLOAT(53) NULL,
    response_1_1 FLOAT(53) NULL,
    response_1_2 FLOAT(53) NULL,
    response_1_3 FLOAT(53) NULL,
    response_1_5 FLOAT(53) NULL,
    CONSTRAINT pk_scenario_series PRIMARY KEY (run_id, store_id, item_id),
    CONSTRAINT fk_scenario_series_run_series FOREIGN KEY(run_id, store_id, item_id) REFERENCES run_series (run_id, store_id, item_id),
    CONSTRAINT ck_scenario_series_price CHECK (price > 0),
    CONSTRAINT ck_scenario_series_ratios CHECK (lowest_ratio > 0 and lowest_ratio <= 1 and highest_ratio >= 1),
    CONSTRAINT ck_scenario_series_range_from CHECK (range_from in ('item', 'department')),
    CONSTRAINT ck_scenario_series_own_estimate CHECK (own_estimate in (0, 1)),
    CONSTRAINT ck_scenario_series_elasticity CHECK (elasticity_low <= elasticity and elasticity <= elasticity_high)
    );

CREATE TABLE staged_sales_history (
    run_id NVARCHAR(40) COLLATE Latin1_General_100_BIN2 NOT NULL,
    store_id NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    item_id NVARCHAR(128) COLLATE Latin1_General_100_BIN2 NOT NULL,
    first_date DATE NOT NULL,
    price FLOAT(53) NULL,
    steps SMALLINT NOT NULL,
    width SMALLINT NOT NULL,
    units NVARCHAR(672) NOT NULL,
    CONSTRAINT pk_staged_sales_history PRIMARY KEY (run_id, store_id, item_id, first_date),
    CONSTRAINT fk_staged_sales_history_run_series FOREIGN KEY(run_id, store_id, item_id) REFERENCES run_series (run_id, store_id, item_id),
    CONSTRAINT ck_staged_sales_history_units CHECK (steps between 1 and 28 and width between 1 and 24)
    );
