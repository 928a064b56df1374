{#- Days of the same weekday whose mean replaces a day of unknown demand. -#}
{%- set days_like_it = 8 -%}
{%- set same_weekday = 'partition by item_id, store_id, weekday order by date' -%}

with days as (

    select
        item_id,
        store_id,
        date,
        -- Returns are taken off the day's sales; more returns than sales are no demand.
        greatest(sum(units), 0) as units,
        max(is_stockout) as is_stockout
    from {{ source('long', 'sales') }}
    group by item_id, store_id, date

),

stores as (

    select
        store_id,
        max(date) as last_row_date
    from days
    group by store_id

),

series as (

    select
        series.item_id,
        series.store_id,
        series.launch_date,
        max(days.date) as last_row_date
    from {{ ref('stg_long__series') }} as series
    inner join days
        on
            series.item_id = days.item_id
            and series.store_id = days.store_id
    group by series.item_id, series.store_id, series.launch_date

),

calendar as (

    select
        date,
        week_id,
        weekday
    from {{ ref('stg_long__calendar') }}
    where date <= (select max(date) from days)

),

rules as (

    select missing_dates from {{ source('long', 'rules') }}

),

-- Known units of every day on sale; null where demand is not known.
known as (

    select
        series.item_id,
        series.store_id,
        calendar.date,
        calendar.week_id,
        calendar.weekday,
        days.units as units_sold,
        case
            when days.is_stockout = 1 then null
            when days.units is not null then days.units
            when rules.missing_dates = 'zero' or calendar.date > series.last_row_date then 0
        end as units
    from series
    inner join stores on series.store_id = stores.store_id
    inner join calendar on series.launch_date <= calendar.date
    cross join rules
    left join days
        on
            series.item_id = days.item_id
            and series.store_id = days.store_id
            and calendar.date = days.date
    -- Where a missing row is a gap, a store that ends early has not delivered its last days: they are not zeros.
    where
        rules.missing_dates = 'zero'
        or calendar.date <= stores.last_row_date

),

with_gaps as (

    select distinct
        item_id,
        store_id
    from known
    where units is null

),

broken as (

    select known.*
    from known
    inner join with_gaps
        on
            known.item_id = with_gaps.item_id
            and known.store_id = with_gaps.store_id

),

counted as (

    select
        broken.*,
        count(units) over ({{ same_weekday }} rows between unbounded preceding and current row) as days_known
    from broken

),

typical as (

    select
        item_id,
        store_id,
        weekday,
        days_known,
        avg(units) over ({{ same_weekday }} {{ trailing_rows(days_like_it) }}) as units
    from counted
    where units is not null

),

final as (

    select
        ---------- ids
        cast(known.item_id as {{ type_text() }}) as item_id,
        cast(known.store_id as {{ type_text() }}) as store_id,

        ---------- dates
        known.date,
        known.week_id,

        ---------- quantities
        cast(
            coalesce(
                known.units,
                -- The recent mean of the weekday, but at least what was sold before the shelf was empty.
                greatest(coalesce(typical.units, 0), coalesce(known.units_sold, 0))
            ) as {{ type_double() }}
        ) as units

    from known
    left join counted
        on
            known.units is null
            and known.item_id = counted.item_id
            and known.store_id = counted.store_id
            and known.date = counted.date
    left join typical
        on
            known.units is null
            and counted.item_id = typical.item_id
            and counted.store_id = typical.store_id
            and counted.weekday = typical.weekday
            and counted.days_known = typical.days_known

)

select * from final
