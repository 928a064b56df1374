{{ refresh_in_place() }}

with runs as (

    select * from {{ ref('stg_predictions__model_runs') }}

),

-- Only nodes within one store: sums over stores depend on which stores a run covers, so runs are not comparable.
nodes as (

    select * from {{ ref('stg_predictions__run_nodes') }}
    where store_id is not null

),

forecasts as (

    select * from {{ ref('stg_predictions__node_forecasts') }}

),

history as (

    select * from {{ ref('stg_predictions__node_history') }}

),

-- Actual units come from later runs. The newest run that knows a node's day has every correction of it.
ranked_actuals as (

    select
        history.node_id,
        history.date,
        history.units,
        row_number() over (
            partition by history.node_id, history.date
            order by runs.origin desc, runs.published_at desc, runs.run_id desc
        ) as recency
    from history
    inner join runs on history.run_id = runs.run_id

),

actuals as (

    select
        node_id,
        date,
        units
    from ranked_actuals
    where recency = 1

),

errors as (

    select
        runs.run_id,
        runs.model,
        runs.origin,
        nodes.node_id,
        nodes.level,
        nodes.level_name,
        nodes.store_id,
        nodes.category_id,
        nodes.department_id,
        forecasts.target_date,
        forecasts.units_mean,
        actuals.units,
        actuals.units - forecasts.units_mean as error
    from forecasts
    inner join runs on forecasts.run_id = runs.run_id
    inner join nodes
        on
            forecasts.run_id = nodes.run_id
            and forecasts.node_id = nodes.node_id
    inner join actuals
        on
            forecasts.node_id = actuals.node_id
            and forecasts.target_date = actuals.date

),

running as (

    select
        errors.*,
        sum(errors.error) over (
            partition by errors.run_id, errors.node_id
            order by errors.target_date
            rows between unbounded preceding and current row
        ) as cumulative_error,
        avg(abs(errors.error)) over (
            partition by errors.run_id, errors.node_id
            order by errors.target_date
            rows between unbounded preceding and current row
        ) as mean_absolute_deviation
    from errors

),

tracked as (

    select
        running.*,
        running.cumulative_error / nullif(running.mean_absolute_deviation, 0) as tracking_signal
    from running

),

final as (

    select
        ---------- ids
        run_id,
        node_id,
        store_id,
        category_id,
        department_id,
        model,

        ---------- levels
        level,
        level_name,

        ---------- dates
        origin,
        target_date,
        cast({{ days_between('origin', 'target_date') }} as integer) as lead_day,

        ---------- units
        units_mean,
        units,
        error,
        cumulative_error,
        mean_absolute_deviation,

        ---------- signals
        tracking_signal,
        case
            when abs(tracking_signal) > {{ var('tracking_signal_limit') }} then 1
            else 0
        end as is_out_of_control

    from tracked

)

select * from final
