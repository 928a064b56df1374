with source as (

    select * from {{ source('long', 'regressors') }}

),

declared as (

    select
        regressor,
        availability
    from {{ ref('stg_long__declared_regressors') }}

),

last_day as (

    select max(date) as last_date from {{ source('long', 'sales') }}

),

-- What is only known when a day is over has no coming day, whatever the raw table says.
known as (

    select
        cast(source.item_id as {{ type_text() }}) as item_id,
        cast(source.store_id as {{ type_text() }}) as store_id,
        cast(source.date as date) as date,
        cast(source.regressor as {{ type_text() }}) as regressor,
        cast(source.value as {{ type_double() }}) as value
    from source
    inner join declared on source.regressor = declared.regressor
    cross join last_day
    where declared.availability = 'known' or source.date <= last_day.last_date

)

select * from known
