using System.Globalization;
using System.Text.RegularExpressions;
using Heed.Engine.Nn;

namespace Heed.Models.Adapters;

/// <summary>A module that an adapter changes.</summary>
/// <param name="Module">A <see cref="Linear"/> or an <see cref="Embedding"/>.</param>
/// <param name="Rank">r.</param>
/// <param name="Scale">s.</param>
internal sealed record AdapterTarget(Module Module, int Rank, float Scale);

/// <summary>Which modules of a model an adapter's configuration names, by PEFT's rules.</summary>
internal static class AdapterTargets
{
    private static readonly TimeSpan LongestMatch = TimeSpan.FromSeconds(2);

    /// <summary>Finds the modules, and their ranks and scales.</summary>
    /// <param name="model">The model, without an adapter.</param>
    /// <param name="config">What is wanted.</param>
    /// <param name="storedRank">The rank that a file has for a module, or null: the configuration's.</param>
    /// <exception cref="ConfigException">No module has such a name, or one that has is no projection and no table.</exception>
    public static IReadOnlyList<AdapterTarget> Find(Model model, AdapterConfig config, Func<string, int?>? storedRank = null)
    {
        Func<string, bool> wanted = Wanted(model, config), excluded = Excluded(config);
        List<KeyValuePair<Regex, int>> ranks = [.. config.RankPattern.Select(
            p => KeyValuePair.Create(EndOfName(config, "rank_pattern", p.Key), p.Value))];
        List<KeyValuePair<Regex, double>> alphas = [.. config.AlphaPattern.Select(
            p => KeyValuePair.Create(EndOfName(config, "alpha_pattern", p.Key), p.Value))];
        List<AdapterTarget> found = [];
        foreach (Module module in model.Modules)
        {
            string name = module.Path;
            if (name.Length == 0 || !wanted(name) || excluded(name)) continue;
            if (module is not (Linear or Embedding))
            {
                throw config.Wrong("target_modules", $"matches '{Printable.Shorten(name)}', a {module.GetType().Name}; projections and "
                    + "tables can be adapted. Name these, or put the module into modules_to_save");
            }

            int rank = storedRank?.Invoke(name) ?? First(config, ranks, name, config.Rank);
            double alpha = First(config, alphas, name, config.Alpha);
            found.Add(new AdapterTarget(module, rank, (float)(alpha / (config.RankStabilized ? Math.Sqrt(rank) : rank))));
        }

        if (found.Count > 0) return found;
        string given = config.TargetPattern ?? string.Join(", ", config.TargetModules ?? ["the projections of queries and values"]);
        IEnumerable<string> known = model.Modules.OfType<Linear>().SelectMany(
            m => (string[])[m.Path, m.Path[(m.Path.LastIndexOf('.') + 1)..]]);
        string near = Printable.Nearest(config.TargetModules is [var one] ? one : given, known) is { } nearest
            ? $" The nearest is '{nearest}'." : "";
        throw config.Wrong("target_modules", $"{Printable.Shorten(given, 120)}: no module of this {model.Config.ModelType} model is "
            + $"meant.{near} 'heed info' lists the modules");
    }

    /// <summary>The configuration with its targets by name, as PEFT saves them.</summary>
    public static AdapterConfig Named(Model model, AdapterConfig config, IReadOnlyList<AdapterTarget> targets) => config switch
    {
        { TargetPattern: AdapterConfig.AllLinear }
            => config with { TargetPattern = null, TargetModules = [.. targets.Select(t => t.Module.Path)] },
        { TargetPattern: null, TargetModules: null } => config with { TargetModules = [.. Standard(model)] },
        _ => config,
    };

    /// <summary>True for the name of a module, or of a part of one, that is saved whole.</summary>
    public static bool IsWhole(AdapterConfig config, string name)
        => config.ModulesToSave.Any(whole => name == whole || name.StartsWith(whole + ".", StringComparison.Ordinal)
            || name.EndsWith("." + whole, StringComparison.Ordinal) || name.Contains($".{whole}.", StringComparison.Ordinal));

    private static Func<string, bool> Wanted(Model model, AdapterConfig config)
    {
        if (config.TargetPattern == AdapterConfig.AllLinear)
        {
            HashSet<string> all = [.. model.Modules.OfType<Linear>().Where(m => !IsOutput(model, m)).Select(m => m.Path)];
            return all.Contains;
        }

        if (config.TargetPattern is { } pattern)
        {
            Regex whole = Compile(config, "target_modules", $"^(?:{pattern})\\z");
            return name => Matches(config, whole, name);
        }

        IReadOnlyCollection<string> names = config.TargetModules ?? Standard(model);
        Func<string, bool> layers = InLayers(config);
        return name => IsNamed(names, name) && layers(name);
    }

    private static Func<string, bool> Excluded(AdapterConfig config)
    {
        Regex? pattern = config.ExcludedPattern is { Length: > 0 } text ? Compile(config, "exclude_modules", $"^(?:{text})\\z") : null;
        return name => IsNamed(config.ExcludedModules, name) || (pattern is not null && Matches(config, pattern, name))
            || IsWhole(config, name);
    }

    /// <summary>The output over the vocabulary, and the classes of a text: what <c>all-linear</c> leaves out.</summary>
    private static bool IsOutput(Model model, Linear linear)
        => linear.Site == "head.output" || (model is SequenceClassifier && linear.Path is "classifier" or "score");

    /// <summary>PEFT's choice where no module is named: queries and values.</summary>
    private static IReadOnlyCollection<string> Standard(Model model)
    {
        HashSet<string> names = new(StringComparer.Ordinal);
        foreach (MultiHeadAttention attention in model.Modules.OfType<MultiHeadAttention>())
            foreach (Projection? projection in (Projection?[])[attention.Query, attention.Value, attention.QueryKeyValue])
                if (projection is not null) names.Add(projection.Path[(projection.Path.LastIndexOf('.') + 1)..]);
        return names;
    }

    private static bool IsNamed(IEnumerable<string> names, string name)
        => names.Any(n => name == n || name.EndsWith("." + n, StringComparison.Ordinal));

    private static Func<string, bool> InLayers(AdapterConfig config)
    {
        if (config.Layers is not { } layers) return _ => true;
        Regex[] places = config.LayerLists.Count == 0
            ? [Compile(config, "layers_pattern", @"^.*\.[^.]*\.(\d+)\.")]
            : [.. config.LayerLists.Select(list => Compile(config, "layers_pattern", $@"^.*\.{list}\.(\d+)\."))];
        return name =>
        {
            foreach (Regex place in places)
            {
                Match match = Guard(config, () => place.Match(name));
                if (match.Success) return layers.Contains(int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture));
            }

            return false;
        };
    }

    private static T First<T>(AdapterConfig config, List<KeyValuePair<Regex, T>> patterns, string name, T standard)
    {
        foreach ((Regex pattern, T value) in patterns)
            if (Matches(config, pattern, name)) return value;
        return standard;
    }

    private static Regex EndOfName(AdapterConfig config, string key, string pattern) => Compile(config, key, $@"^(.*\.)?({pattern})\z");

    /// <summary>A pattern of the file, which is foreign: in linear time where it can be, else with a limit of time.</summary>
    private static Regex Compile(AdapterConfig config, string key, string pattern)
    {
        try
        {
            return new Regex(pattern, RegexOptions.CultureInvariant | RegexOptions.NonBacktracking, LongestMatch);
        }
        catch (NotSupportedException)
        {
            return new Regex(pattern, RegexOptions.CultureInvariant, LongestMatch);
        }
        catch (ArgumentException e)
        {
            throw config.Wrong(key, $"'{Printable.Shorten(pattern)}' is no regular expression: {Printable.Shorten(e.Message)}");
        }
    }

    private static bool Matches(AdapterConfig config, Regex pattern, string name) => Guard(config, () => pattern.IsMatch(name));

    private static T Guard<T>(AdapterConfig config, Func<T> match)
    {
        try
        {
            return match();
        }
        catch (RegexMatchTimeoutException e)
        {
            throw config.Wrong("target_modules", $"or another pattern, '{Printable.Shorten(e.Pattern)}', takes more "
                + $"than {LongestMatch.TotalSeconds:0} seconds for one name; write it simpler");
        }
    }
}
