-- Forecasts of a run are coherent: its items add up to its departments.
with departments as (

    select * from {{ ref('rpt_department_summary') }}

),

items as (

    select
        forecasts.run_id,
        forecasts.store_id,
        series.department_id,
        forecasts.target_date,
        sum(forecasts.units_mean) as units_mean
    from {{ ref('stg_predictions__forecasts') }} as forecasts
    inner join {{ ref('stg_predictions__run_series') }} as series
        on
            forecasts.run_id = series.run_id
            and forecasts.store_id = series.store_id
            and forecasts.item_id = series.item_id
    group by forecasts.run_id, forecasts.store_id, series.department_id, forecasts.target_date

),

validation_errors as (

    select
        departments.run_id,
        departments.store_id,
        departments.department_id,
        departments.target_date,
        departments.units_mean,
        items.units_mean as items_units_mean
    from departments
    left join items
        on
            departments.run_id = items.run_id
            and departments.store_id = items.store_id
            and departments.department_id = items.department_id
            and departments.target_date = items.target_date
    where
        items.units_mean is null
        -- 32-bit floats on the way here keep seven digits.
        or abs(departments.units_mean - items.units_mean) > 1e-3 * (1 + departments.units_mean)

)

select * from validation_errors
