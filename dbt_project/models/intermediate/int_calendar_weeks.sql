with weeks as (

    select
        week_id,
        min(date) as first_date,
        max(date) as last_date
    from {{ source_model('calendar') }}
    group by week_id

),

numbered as (

    select
        week_id,
        -- Week ids need not be consecutive (a year may be part of them): this number is.
        cast(row_number() over (order by first_date) as integer) as week_number,
        first_date,
        last_date
    from weeks

)

select * from numbered
