with source as (

    select * from {{ source('long', 'attributes') }}

),

series as (

    select
        item_id,
        store_id
    from {{ ref('stg_long__series') }}

),

-- An attribute of an item is one of its series in every store, and the other way round.
final as (

    select
        series.item_id,
        series.store_id,
        cast(source.regressor as {{ type_text() }}) as regressor,
        cast(source.value as {{ type_double() }}) as value
    from source
    inner join series
        on
            coalesce(source.item_id, series.item_id) = series.item_id
            and coalesce(source.store_id, series.store_id) = series.store_id

)

select * from final
