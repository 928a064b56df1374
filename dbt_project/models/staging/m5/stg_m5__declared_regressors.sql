-- M5 does not have this. The model keeps the contract with the core marts.
with none as (

    select
        cast(null as {{ type_text() }}) as regressor,
        cast(null as {{ type_text() }}) as availability,
        cast(null as {{ type_text() }}) as column_name,
        cast(null as date) as given_from,
        cast(null as date) as given_until

)

select * from none
where 1 = 0
