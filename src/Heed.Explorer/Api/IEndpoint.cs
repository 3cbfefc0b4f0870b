using Heed.Explorer.Traces;
using Microsoft.AspNetCore.Http;

namespace Heed.Explorer.Api;

/// <summary>One address of the server under <c>/api/</c>; one file each.</summary>
internal interface IEndpoint
{
    /// <summary>GET or POST.</summary>
    string Method { get; }

    /// <summary>The word after <c>/api/</c>.</summary>
    string Name { get; }

    /// <summary>Answers.</summary>
    /// <param name="call">Request and reply.</param>
    /// <param name="session">The opened model.</param>
    Task AnswerAsync(ApiCall call, ExplorerSession session);
}

/// <summary>The addresses.</summary>
internal static class Endpoints
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<IEndpoint> All { get; } =
    [
        new ModelEndpoint(), new TraceEndpoint(), new TensorEndpoint(), new ThumbnailEndpoint(), new PredictEndpoint(),
            new HeadsEndpoint(), new ViewEndpoint(),
        new LensEndpoint(), new StructureEndpoint(), new OperandsEndpoint(), new GenerateEndpoint(),
        new CatalogueEndpoint(), new SizeEndpoint(), new WhyEndpoint(),
        new ChecksEndpoint(), new CheckEndpoint(),
        new OperationsEndpoint(), new DifferenceEndpoint(), new SavedTraceEndpoint(), new SavedDifferenceEndpoint(),
        new ObjectivesEndpoint(), new RecurrenceEndpoint(), new ContextualEndpoint(), new WordsEndpoint(), new NearestEndpoint(),
        new SentencesEndpoint(), new MistakesEndpoint(), new ExamineEndpoint(), new FewShotEndpoint(),
    ];
}
