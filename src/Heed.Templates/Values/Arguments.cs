namespace Heed.Templates;

/// <summary>Arguments of one call, as Python binds them.</summary>
internal sealed class Arguments(List<object?> positional, List<KeyValuePair<string, object?>>? named = null)
{
    public static readonly Arguments None = new([]);

    public List<object?> Positional { get; } = positional;

    public List<KeyValuePair<string, object?>> Named { get; } = named ?? [];

    /// <summary>One value per parameter name; those omitted are <see cref="Missing.Value"/>.</summary>
    public object?[] Bind(string function, int required, params ReadOnlySpan<string> names)
    {
        if (Positional.Count > names.Length)
            throw new TemplateFault($"{function}() takes at most {names.Length} arguments, not {Positional.Count}");
        object?[] values = new object?[names.Length];
        for (int i = 0; i < names.Length; i++) values[i] = i < Positional.Count ? Positional[i] : Missing.Value;
        foreach ((string name, object? value) in Named)
        {
            int at = names.IndexOf(name);
            if (at < 0) throw new TemplateFault($"{function}() got an unexpected keyword argument '{name}'");
            if (values[at] is not Missing) throw new TemplateFault($"{function}() got multiple values for argument '{name}'");
            values[at] = value;
        }

        for (int i = 0; i < required; i++)
        {
            if (values[i] is Missing) throw new TemplateFault($"{function}() missing required argument: '{names[i]}'");
        }

        return values;
    }

    /// <summary>Positional arguments only, from <paramref name="least"/> to <paramref name="most"/> of them, padded with
    /// <see cref="Missing.Value"/>.</summary>
    public object?[] Plain(string function, int least, int most)
    {
        if (Named.Count > 0) throw new TemplateFault($"{function}() takes no keyword arguments");
        if (Positional.Count < least || Positional.Count > most)
            throw new TemplateFault($"{function}() takes from {least} to {most} arguments, not {Positional.Count}");
        object?[] values = new object?[most];
        for (int i = 0; i < most; i++) values[i] = i < Positional.Count ? Positional[i] : Missing.Value;
        return values;
    }

    /// <summary>The same call without its first positional argument.</summary>
    public Arguments Skip(int count) => new(Positional.GetRange(count, Positional.Count - count), Named);
}
