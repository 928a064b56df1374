with sales as (

    select * from {{ ref('stg_long__sales') }}

),

last_day as (

    select max(date) as last_date from {{ source('long', 'sales') }}

),

periods as (

    select
        calendar.date,
        {{ add_days("cast('1970-01-05' as date)", 'cast(floor(' ~ week_of('calendar.date') ~ ' / 4.0) as integer) * 28') }} as first_date,
        last_day.last_date
    from {{ ref('stg_long__calendar') }} as calendar
    cross join last_day

),

-- The days of the last, incomplete period are periods of their own, so that a new day does not change the days before it.
days as (

    select
        date,
        case when {{ add_days('first_date', 27) }} <= last_date then first_date else date end as first_date
    from periods

),

digests as (

    select
        sales.item_id,
        sales.store_id,
        days.first_date,
        bit_xor({{ row_digest(['sales.date', 'sales.units']) }}) as digest
    from sales
    inner join days on sales.date = days.date
    group by sales.item_id, sales.store_id, days.first_date

)

select * from digests
