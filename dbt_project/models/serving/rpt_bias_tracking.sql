{{ refresh_in_place() }}

with runs as (

    select * from {{ ref('stg_predictions__model_runs') }}

),

-- Nodes of one store: the others' sums depend on which stores a run covers, so two runs' need not be comparable.
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

-- What was sold is known from the runs that came later; the last of them has every correction.
known as (

    select
        forecasts.run_id,
        forecasts.node_id,
        forecasts.target_date,
        forecasts.units_mean,
        history.units,
        row_number() over (
            partition by forecasts.run_id, forecasts.node_id, forecasts.target_date
            order by later.origin desc, later.published_at desc, later.run_id desc
        ) as recency
    from forecasts
    inner join history
        on
            forecasts.node_id = history.node_id
            and forecasts.target_date = history.date
    inner join runs as later on history.run_id = later.run_id

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
        known.target_date,
        known.units_mean,
        known.units,
        known.units - known.units_mean as error
    from known
    inner join runs on known.run_id = runs.run_id
    inner join nodes
        on
            known.run_id = nodes.run_id
            and known.node_id = nodes.node_id
    where known.recency = 1

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
