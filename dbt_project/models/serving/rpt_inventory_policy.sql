{{ refresh_in_place() }}

with policies as (

    select * from {{ ref('stg_predictions__inventory_policy') }}

),

series as (

    select * from {{ ref('stg_predictions__run_series') }}

),

active_runs as (

    select * from {{ ref('stg_predictions__active_runs') }}

),

valued as (

    select
        policies.*,
        series.department_id,
        series.category_id,
        series.region_id,
        series.price,
        policies.mean_stock * series.price as stock_value,
        policies.safety_stock * series.price as safety_stock_value,
        policies.mean_stock * series.price * policies.holding_cost as holding_cost_a_year
    from policies
    inner join active_runs
        on
            policies.run_id = active_runs.run_id
            and policies.store_id = active_runs.store_id
    inner join series
        on
            policies.run_id = series.run_id
            and policies.store_id = series.store_id
            and policies.item_id = series.item_id

),

departments as (

    select
        store_id,
        department_id,
        sum(stock_value) as department_stock_value
    from valued
    group by store_id, department_id

),

final as (

    select
        ---------- ids
        valued.run_id,
        valued.store_id,
        valued.item_id,
        valued.department_id,
        valued.category_id,
        valued.region_id,

        ---------- terms
        valued.lead_time_days,
        valued.review_period_days,
        valued.service_level,
        valued.holding_cost,
        valued.shortage_cost,

        ---------- quantities
        valued.expected_demand,
        valued.safety_stock,
        valued.reorder_point,
        valued.order_up_to,
        valued.expected_short,
        valued.days_of_cover,
        valued.mean_stock,

        ---------- money
        valued.price,
        valued.stock_value,
        valued.safety_stock_value,
        valued.holding_cost_a_year,
        departments.department_stock_value

    from valued
    inner join departments
        on
            valued.store_id = departments.store_id
            and valued.department_id = departments.department_id

)

select * from final
