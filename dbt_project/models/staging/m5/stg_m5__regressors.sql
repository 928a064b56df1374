-- M5 does not have this. The model keeps the contract with the core marts.
with none as (

    select
        cast(null as {{ type_text() }}) as item_id,
        cast(null as {{ type_text() }}) as store_id,
        cast(null as date) as date,
        cast(null as {{ type_text() }}) as regressor,
        cast(null as {{ type_double() }}) as value

)

select * from none
where 1 = 0
