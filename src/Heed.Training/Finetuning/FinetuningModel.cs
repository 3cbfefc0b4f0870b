using Heed.Engine.Nn;
using Heed.Models;
using Heed.Models.Adapters;
using Heed.Models.Files;
using Heed.Training.Runs;

namespace Heed.Training.Finetuning;

/// <summary>A model that is trained further, under the head that the task needs.</summary>
/// <param name="Model">Its weights, plain.</param>
/// <param name="Start">Where it comes from.</param>
/// <param name="NewParameters">Parameters that the folder does not hold: they begin with random values. None if all weights are
/// new.</param>
internal sealed record FinetuningModel(Model Model, FinetuningStart Start, IReadOnlyList<string> NewParameters)
{
    /// <summary>The adapter that is trained instead of the weights, or null.</summary>
    public Adapter? Adapter { get; private init; }

    /// <summary>The folder that the weights come from; null if they are new.</summary>
    public string? Folder => Start.Folder;

    /// <summary>Reads the weights of a folder, or draws new ones, under the head of the data.</summary>
    /// <param name="config">The settings.</param>
    /// <param name="start">Where the weights come from.</param>
    /// <param name="data">The examples.</param>
    /// <param name="adapter">Folder with the adapter to go on with; null begins a new one, if the settings want one.</param>
    /// <exception cref="InputException">The family has no such head, or the folder's stack does not fit its config.json.</exception>
    public static FinetuningModel Load(FinetuningConfig config, FinetuningStart start, FinetuningData data, string? adapter = null)
    {
        ModelDescription description = start.Model;
        string architecture = Architecture(config.Model, description, data);
        if (start.Folder is not { } folder)
        {
            Model made = description.Family.Build(architecture, Configured(description.Config, description.Family, config, data),
                new ParameterSet(ParameterSource.Random(config.Seed)));
            Freeze(made, config);
            return new FinetuningModel(made, start, []);
        }

        LoadOptions options = new()
        {
            ForTraining = true,
            Architecture = architecture,
            AllowMissing = true,
            Seed = config.Seed,
            Configure = c => Configured(c, description.Family, config, data),
        };
        (Model model, LoadReport report) = ModelFolder.Load(folder, options);
        string prefix = description.Family.BasePrefix + ".";
        // The stack must be there; what lies on top of it may be new.
        string? wrong = report.Missing.Concat(report.Mismatched)
            .FirstOrDefault(n => n.StartsWith(prefix, StringComparison.Ordinal) && !n.Contains("pooler.", StringComparison.Ordinal));
        if (wrong is not null)
        {
            model.Dispose();
            throw new InputException($"{config.Model}: the weights do not fit config.json: {wrong} is missing or of another shape. Check "
                + $"that they belong together.");
        }

        Freeze(model, config);
        FinetuningModel loaded = new(model, start,
            [.. report.Missing, .. report.Mismatched.Select(m => m[..m.IndexOf(' ', StringComparison.Ordinal)])]);
        if (config.Lora == 0) return loaded;
        try
        {
            return loaded with
            {
                Adapter = adapter is null ? Adapter.Apply(model, AdapterOf(config, data), loaded.NewParameters, config.Seed)
                    : Adapter.Load(model, adapter),
            };
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private static void Freeze(Model model, FinetuningConfig config)
    {
        try
        {
            foreach (string pattern in config.Freeze) model.Parameters.Freeze(pattern);
            if (!model.Parameters.Any(p => p.NeedsGradient)) throw new ArgumentException("Everything is frozen, and nothing would be "
                + "learned");
        }
        catch (ArgumentException e)
        {
            string some = string.Join(", ", model.Parameters.Select(p => p.Name).Take(4));
            model.Dispose();
            throw new ConfigException($"freeze: {e.Message.Split(" (Parameter")[0].TrimEnd('.')}. Names are {some}, …", e);
        }
    }

    /// <summary>The adapter of the settings; the head is trained whole beside it.</summary>
    private static AdapterConfig AdapterOf(FinetuningConfig config, FinetuningData data)
    {
        bool all = config.LoraTargets is [AdapterConfig.AllLinear];
        return new AdapterConfig
        {
            Rank = config.Lora,
            Alpha = config.LoraAlpha > 0 ? config.LoraAlpha : config.Lora,
            Dropout = config.LoraDropout,
            Dora = config.Dora,
            TargetPattern = all ? AdapterConfig.AllLinear : null,
            TargetModules = all ? null : config.LoraTargets,
            TaskType = data.Head switch
            {
                HeadKind.SequenceClassifier => "SEQ_CLS",
                HeadKind.TokenClassifier => "TOKEN_CLS",
                HeadKind.QuestionAnswerer => "QUESTION_ANS",
                HeadKind.LanguageModel => "CAUSAL_LM",
                HeadKind.SequenceToSequence => "SEQ_2_SEQ_LM",
                _ => "FEATURE_EXTRACTION",
            },
            BaseModel = config.Model,
        };
    }

    /// <summary>The class of the family that has the head of the data.</summary>
    public static string Architecture(string folder, ModelDescription description, FinetuningData data)
    {
        if (description.Family.HeadOf(description.Architecture) == data.Head) return description.Architecture;
        IReadOnlyList<string> heads = ModelFamilies.Heads(description.Family, description.Config.ModelType);
        return heads.FirstOrDefault(a => description.Family.HeadOf(a) == data.Head) ?? throw new InputException(
            $"{folder}: the {description.Config.ModelType} family has no head for {data.Task}. It has {string.Join(", ", heads)}. Choose "
                + $"another model.");
    }

    /// <summary>The configuration that is trained: labels of the data, dropout of the settings.</summary>
    public static ModelConfig Configured(ModelConfig config, ModelFamily family, FinetuningConfig settings, FinetuningData data)
    {
        ModelConfig configured = data.Configure(config);
        return settings.Dropout is { } dropout ? ModelDropout.Of(family, configured, settings.Model, dropout) : configured;
    }
}
