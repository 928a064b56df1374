-- The forecasts of every level of aggregate nodes sum to the total on every day.
with daily as (

    select
        forecasts.run_id,
        forecasts.target_date,
        nodes.level,
        sum(forecasts.units_mean) as units_mean
    from {{ ref('stg_predictions__node_forecasts') }} as forecasts
    inner join {{ ref('stg_predictions__run_nodes') }} as nodes
        on
            forecasts.run_id = nodes.run_id
            and forecasts.node_id = nodes.node_id
    group by forecasts.run_id, forecasts.target_date, nodes.level

),

validation_errors as (

    select
        daily.run_id,
        daily.target_date,
        daily.level,
        daily.units_mean,
        total.units_mean as total_units_mean
    from daily
    inner join daily as total
        on
            daily.run_id = total.run_id
            and daily.target_date = total.target_date
            and total.level = 1
    -- 32-bit floats on the way here keep seven digits.
    where abs(daily.units_mean - total.units_mean) > 1e-3 * (1 + total.units_mean)

)

select * from validation_errors
