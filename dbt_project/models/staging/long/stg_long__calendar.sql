{#- Days past the last sale: the longest horizon that can be asked for. -#}
{%- set days_ahead = 84 -%}
{%- set weekdays = ['Saturday', 'Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday'] -%}

with bounds as (

    select
        min(date) as first_date,
        {{ add_days('max(date)', days_ahead) }} as last_date
    from {{ source('long', 'sales') }}

),

days as (

    {{ days_of('bounds') }}

),

rules as (

    select step_days from {{ source('long', 'rules') }}

),

-- Of weekly data a row is a week, named by its first day.
periods as (

    select
        days.date,
        rules.step_days,
        cast(floor({{ days_between('bounds.first_date', 'days.date') }} / rules.step_days) as integer) + 1 as day_index
    from days
    cross join bounds
    cross join rules
    where mod({{ days_between('bounds.first_date', 'days.date') }}, rules.step_days) = 0

),

events as (

    select distinct
        periods.date,
        cast(events.event_name as {{ type_text() }}) as event_name,
        cast(events.event_kind as {{ type_text() }}) as event_kind
    from {{ source('long', 'events') }} as events
    inner join periods
        on
            events.date >= periods.date
            and events.date < {{ add_days('periods.date', 'periods.step_days') }}

),

ranked as (

    select
        events.*,
        row_number() over (partition by date order by event_name, event_kind) as place
    from events

),

final as (

    select
        ---------- days
        periods.date,
        periods.day_index,
        {{ week_of('periods.date') }} as week_id,
        {{ weekday_of('periods.date') }} as weekday,
        case {{ weekday_of('periods.date') }}
            {%- for name in weekdays %}
            when {{ loop.index }} then '{{ name }}'
            {%- endfor %}
        end as weekday_name,

        ---------- events
        first_events.event_name as event_name_1,
        first_events.event_kind as event_kind_1,
        second_events.event_name as event_name_2,
        second_events.event_kind as event_kind_2

    from periods
    left join ranked as first_events
        on
            periods.date = first_events.date
            and first_events.place = 1
    left join ranked as second_events
        on
            periods.date = second_events.date
            and second_events.place = 2

)

select * from final
