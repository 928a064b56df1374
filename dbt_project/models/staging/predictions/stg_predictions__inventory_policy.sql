with source as (

    select * from {{ source('predictions', 'inventory_policy') }}

),

renamed as (

    select
        ---------- ids
        cast(source.run_id as {{ type_text() }}) as run_id,
        cast(source.store_id as {{ type_text() }}) as store_id,
        cast(source.item_id as {{ type_text() }}) as item_id,

        ---------- terms
        cast(source.lead_time_days as integer) as lead_time_days,
        cast(source.review_period_days as integer) as review_period_days,
        cast(source.service_level as {{ type_double() }}) as service_level,
        cast(source.holding_cost as {{ type_double() }}) as holding_cost,
        cast(source.shortage_cost as {{ type_double() }}) as shortage_cost,

        ---------- quantities
        cast(source.expected_demand as {{ type_double() }}) as expected_demand,
        cast(source.safety_stock as {{ type_double() }}) as safety_stock,
        cast(source.reorder_point as integer) as reorder_point,
        cast(source.order_up_to as integer) as order_up_to,
        cast(source.expected_short as {{ type_double() }}) as expected_short,
        cast(source.days_of_cover as {{ type_double() }}) as days_of_cover,
        cast(source.mean_stock as {{ type_double() }}) as mean_stock

    from source
    inner join {{ ref('stg_predictions__model_runs') }} as runs on source.run_id = runs.run_id

)

select * from renamed
