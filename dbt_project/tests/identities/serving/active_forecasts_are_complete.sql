-- Active forecasts are complete: each series of the active runs has each day (or week, if weekly) of the horizon once.
with served as (

    select
        active.store_id,
        runs.run_id,
        runs.horizon_days,
        runs.step_days
    from {{ ref('stg_predictions__active_runs') }} as active
    inner join {{ ref('stg_predictions__model_runs') }} as runs on active.run_id = runs.run_id

),

expected as (

    select
        served.run_id,
        served.store_id,
        count(series.item_id) * max(served.horizon_days) / nullif(max(served.step_days), 0) as forecast_rows
    from served
    left join {{ ref('stg_predictions__run_series') }} as series
        on
            served.run_id = series.run_id
            and served.store_id = series.store_id
    group by served.run_id, served.store_id

),

stored as (

    select
        run_id,
        store_id,
        count(*) as forecast_rows
    from {{ ref('stg_predictions__forecasts') }}
    group by run_id, store_id

),

validation_errors as (

    select
        expected.run_id,
        expected.store_id,
        expected.forecast_rows as rows_expected,
        stored.forecast_rows as rows_found
    from expected
    left join stored
        on
            expected.run_id = stored.run_id
            and expected.store_id = stored.store_id
    where
        stored.forecast_rows is null
        or expected.forecast_rows is null
        or expected.forecast_rows = 0
        or stored.forecast_rows <> expected.forecast_rows

)

select * from validation_errors
