-- The files of this source say nothing of it.
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
