using Heed.Engine.Nn;

namespace Heed.Models.Bert;

/// <summary>
/// The two encoders of ELECTRA's pre-training: a small generator that fills masked tokens, and the discriminator that tells which tokens
/// are no longer those of the text. Both read the same tables, and the norm of their sum.
/// </summary>
/// <remarks>
/// Clark et al. 2020, arXiv:2003.10555, §2 and §3.2. The parameters of the discriminator have the names of <c>ElectraForPreTraining</c>,
/// those of the generator the names of <c>ElectraForMaskedLM</c> after <c>generator.</c>.
/// </remarks>
internal sealed class ElectraPair : Model
{
    /// <summary>The generator's part of the parameters' names, and its folder within the discriminator's.</summary>
    public const string GeneratorName = "generator";

    private const string Prefix = GeneratorName + ".";

    /// <summary>Makes both encoders.</summary>
    /// <param name="discriminator">Sizes and settings of the discriminator.</param>
    /// <param name="generator">Those of the generator; tables of the same sizes.</param>
    /// <param name="parameters">Where parameters are made; its source fills them.</param>
    /// <exception cref="ConfigException">Tables differ in size, or sizes do not fit together.</exception>
    public ElectraPair(ElectraConfig discriminator, ElectraConfig generator, ParameterSet parameters)
        : base("ElectraForPreTraining", discriminator, parameters)
    {
        if ((generator.Vocabulary, generator.EmbeddingWidth) != (discriminator.Vocabulary, discriminator.EmbeddingWidth))
        {
            throw new ConfigException($"The generator's table is [{generator.Vocabulary}, {generator.EmbeddingWidth}] and the "
                + $"discriminator's [{discriminator.Vocabulary}, {discriminator.EmbeddingWidth}]; both read one table, so vocab_size and "
                + "embedding_size must be equal.");
        }

        Discriminator = (ReplacedTokenDetector)BertHeads.Build(Architecture, HeadKind.ReplacedTokens, discriminator, parameters);
        ParameterScope at = (parameters.Root / GeneratorName).As(GeneratorName);
        BertEncoder stack = new(generator, at / generator.Prefix, (BertEncoder)Discriminator.Stack);
        Generator = new MaskedLanguageModel("ElectraForMaskedLM", parameters, stack, BertHeads.Masked(generator, at, stack));
        // A step may have no masked token.
        foreach (Parameter p in parameters)
            if (IsOfGenerator(p.Name)) p.AllowUnused();
    }

    /// <summary>Tells which tokens were replaced.</summary>
    public ReplacedTokenDetector Discriminator { get; }

    /// <summary>Fills masked tokens.</summary>
    public MaskedLanguageModel Generator { get; }

    /// <summary>The sizes of a generator as the paper makes it: as many layers, and a part of the heads and of the inner width.</summary>
    /// <param name="discriminator">The discriminator's sizes.</param>
    /// <param name="part">Above 0, at most 1; the paper takes a quarter to a half.</param>
    public static ElectraConfig GeneratorOf(ElectraConfig discriminator, double part)
    {
        int heads = Math.Max(1, (int)Math.Round(discriminator.Heads * part));
        int width = discriminator.Width / discriminator.Heads * heads;
        return discriminator with
        {
            Heads = heads,
            Width = width,
            InnerWidth = Math.Max(1, (int)((long)discriminator.InnerWidth * width / discriminator.Width)),
            EmbeddingWidth = discriminator.EmbeddingWidth,
            Original = null,
        };
    }

    /// <summary>A pair that takes the weights of two models: it owns them from here on, and the models are not used again.</summary>
    /// <param name="discriminator">An <c>ElectraForPreTraining</c> with plain weights; its tables count for both.</param>
    /// <param name="generator">An <c>ElectraForMaskedLM</c> with plain weights; null begins one with first values.</param>
    /// <param name="sizes">Of the generator.</param>
    /// <param name="seed">Of first values.</param>
    public static ElectraPair Of(Model discriminator, Model? generator, ElectraConfig sizes, ulong seed)
    {
        ElectraPair pair = new((ElectraConfig)discriminator.Config, sizes, new ParameterSet(new Taken(name => !IsOfGenerator(name)
            ? discriminator.Parameters[name] : generator?.Parameters[name[Prefix.Length..]], ParameterSource.Random(seed))));
        foreach (Parameter p in generator?.Parameters.ToArray() ?? [])
            if (!pair.Parameters.TryGet(Prefix + p.Name, out _)) p.Dispose();   // its tables
        return pair;
    }

    /// <summary>The discriminator as a model of its own, over the same values: to be saved, and not disposed.</summary>
    public Model DiscriminatorAlone() => Alone(Architecture, HeadKind.ReplacedTokens, (ElectraConfig)Config, name => Parameters[name]);

    /// <summary>The generator as a model of its own, with the tables, over the same values: to be saved, and not disposed.</summary>
    public Model GeneratorAlone() => Alone(Generator.Architecture, HeadKind.MaskedLanguageModel, (ElectraConfig)Generator.Config,
        name => Parameters.TryGet(Prefix + name, out Parameter? own) ? own : Parameters[name]);

    /// <summary>Whether a parameter belongs to the generator alone; its name in the generator's own folder.</summary>
    /// <param name="name">A parameter of the pair.</param>
    /// <param name="stored">The name in the folder of its model.</param>
    public static bool IsOfGenerator(string name, out string stored)
    {
        bool isGenerator = IsOfGenerator(name);
        stored = isGenerator ? name[Prefix.Length..] : name;
        return isGenerator;
    }

    /// <summary>The two encoders learn through each other's outputs: what is learned stands in the task.</summary>
    /// <inheritdoc/>
    protected override ModelOutput Forward(ModelInputs inputs, ModelRun run)
        => throw new NotSupportedException("An ELECTRA pair is run by its task; run Generator or Discriminator.");

    /// <inheritdoc/>
    public override long[] CountTargets(ModelInputs inputs) => Discriminator.CountTargets(inputs);

    private static bool IsOfGenerator(string name) => name.StartsWith(Prefix, StringComparison.Ordinal);

    private static Model Alone(string architecture, HeadKind head, ElectraConfig config, Func<string, Parameter> find)
        => BertHeads.Build(architecture, head, config, new ParameterSet(new Taken(find, ParameterSource.ShapesOnly)));

    /// <summary>Values of other models' parameters, shared and not copied.</summary>
    private sealed class Taken(Func<string, Parameter?> find, ParameterSource otherwise) : ParameterSource
    {
        public override void Fill(Parameter parameter)
        {
            if (find(parameter.Name) is not { } from) otherwise.Fill(parameter);
            else if (from.HasValue) parameter.Assign(from.Value);
        }
    }
}
